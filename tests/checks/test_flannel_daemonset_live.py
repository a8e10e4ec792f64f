"""flanneld goes on reading the ConfigMap that is watched over."""

import copy

import msgspec
import pytest

from webhook.checks.flannel_daemonset_live import ROWS, flannel_daemonset_live, judged
from webhook.checks.subjects import FlanneldChange
from webhook.model.flanneld import DaemonSet, flanneld

UPSTREAM = {
    "containers": [
        {
            "name": "kube-flannel",
            "image": "ghcr.io/flannel-io/flannel:v0.28.10",
            "command": ["/opt/bin/flanneld"],
            "args": ["--ip-masq", "--kube-subnet-mgr"],
            "env": [{"name": "EVENT_QUEUE_DEPTH", "value": "5000"}],
            "volumeMounts": [{"name": "flannel-cfg", "mountPath": "/etc/kube-flannel/"}],
        }
    ],
    "volumes": [{"name": "flannel-cfg", "configMap": {"name": "kube-flannel-cfg"}}],
}


def run(volumes=None, **container):
    """How the upstream manifest runs it, with changes."""
    spec = copy.deepcopy(UPSTREAM)
    spec["containers"][0].update(container)
    spec["volumes"] = volumes or spec["volumes"]
    return flanneld(msgspec.convert({"spec": {"template": {"spec": spec}}}, DaemonSet))


def args(*more):
    return {"args": ["--ip-masq", "--kube-subnet-mgr", *more]}


def env(name, **value):
    return {"env": [{"name": name, **value}]}


def volume(name, **source):
    return [{"name": "flannel-cfg", "configMap": {"name": name, **source}}]


AS_IT_WAS = run()
SHELL = run(command=["sh", "-c", "exec /opt/bin/flanneld"], args=None)
PROJECTED = [
    {
        "name": "flannel-cfg",
        "projected": {"sources": [{"configMap": {"name": "kube-flannel-cfg"}}]},
    }
]


def projected(source, kind="configMap"):
    """A volume of the ConfigMap that is watched over, and of another source behind it."""
    sources = [{"configMap": {"name": "kube-flannel-cfg"}}, {kind: source}]
    return [{"name": "flannel-cfg", "projected": {"sources": sources}}]


def decoy():
    """A container as it was, that may do nothing, and one that runs flanneld."""
    second = {"name": "x", "command": ["/opt/bin/flanneld", "--net-config-path=/x"]}
    spec = UPSTREAM | {"containers": [*UPSTREAM["containers"], second]}
    return flanneld(msgspec.convert({"spec": {"template": {"spec": spec}}}, DaemonSet))


DECOY = decoy()


@pytest.mark.parametrize(
    ("old", "new", "rows"),
    [
        pytest.param(AS_IT_WAS, run(image="flannel:v1"), [], id="image"),
        pytest.param(AS_IT_WAS, run(**args("--iface=eth0")), [], id="another-flag"),
        pytest.param(AS_IT_WAS, run(PROJECTED), [], id="projected"),
        pytest.param(AS_IT_WAS, run(volume("mine")), ["config-map"], id="another-config-map"),
        pytest.param(
            AS_IT_WAS, run(volume("canal-config")), ["config-map"], id="another-one-that-is-listed"
        ),
        pytest.param(
            AS_IT_WAS,
            run(volume("kube-flannel-cfg", items=[{"key": "x", "path": "net-conf.json"}])),
            ["config-map"],
            id="another-key",
        ),
        pytest.param(
            AS_IT_WAS,
            run(
                volumeMounts=[
                    {"name": "flannel-cfg", "mountPath": "/etc/kube-flannel/"},
                    {
                        "name": "other",
                        "mountPath": "/etc/kube-flannel/net-conf.json",
                        "subPath": "net-conf.json",
                    },
                ]
            ),
            ["path"],
            id="mounted-over",
        ),
        pytest.param(AS_IT_WAS, run(**args("--net-config-path=/run/x.json")), ["path"], id="path"),
        pytest.param(
            AS_IT_WAS, run(**args("-net-config-path", "/run/x")), ["path"], id="path-word"
        ),
        pytest.param(
            AS_IT_WAS, run(**env("FLANNELD_NET_CONFIG_PATH", value="/x")), ["path"], id="path-env"
        ),
        pytest.param(
            AS_IT_WAS,
            run(**args("--net-config-path=/etc/kube-flannel/net-conf.json")),
            [],
            id="the-default-written-out",
        ),
        pytest.param(
            AS_IT_WAS,
            run(**args("--net-config-path=/etc/kube-flannel/net-conf.json"))
            and run(
                **args("--net-config-path=/etc/kube-flannel/net-conf.json"),
                **env("FLANNELD_NET_CONFIG_PATH", value="/x"),
            ),
            [],
            id="arguments-win-over-the-environment",
        ),
        pytest.param(
            AS_IT_WAS,
            run(**args("--net-config-path=/etc/kube-flannel/cni-conf.json")),
            ["config-map"],
            id="path-to-another-key",
        ),
        pytest.param(
            AS_IT_WAS, run(**args("--kube-annotation-prefix=mine.io")), ["prefix"], id="prefix"
        ),
        pytest.param(
            AS_IT_WAS,
            run(**env("FLANNELD_KUBE_ANNOTATION_PREFIX", value="mine.io")),
            ["prefix"],
            id="prefix-env",
        ),
        pytest.param(
            AS_IT_WAS,
            run(**args("--kube-annotation-prefix=flannel.alpha.coreos.com/")),
            [],
            id="prefix-written-out",
        ),
        pytest.param(AS_IT_WAS, run(args=["--ip-masq"]), ["etcd"], id="etcd"),
        pytest.param(AS_IT_WAS, run(args=["--kube-subnet-mgr=false"]), ["etcd"], id="etcd-false"),
        pytest.param(AS_IT_WAS, SHELL, ["hidden"], id="shell"),
        pytest.param(SHELL, SHELL, ["hidden-before"], id="shell-before"),
        pytest.param(SHELL, AS_IT_WAS, [], id="shell-taken-away"),
        pytest.param(SHELL, run(volume("mine")), ["config-map"], id="shell-taken-away-to-another"),
        pytest.param(
            AS_IT_WAS, run(envFrom=[{"configMapRef": {"name": "x"}}]), ["hidden"], id="env-from"
        ),
        pytest.param(
            AS_IT_WAS,
            run(**env("FLANNELD_NET_CONFIG_PATH", valueFrom={"fieldRef": {}})),
            ["hidden"],
            id="reference",
        ),
        pytest.param(
            AS_IT_WAS, run(**args("--net-config-path=$(HERE)")), ["hidden"], id="expansion"
        ),
        pytest.param(
            AS_IT_WAS,
            run(args=["--ip-masq", "--kube-subnet-mgr", "$(MORE)"]),
            ["hidden"],
            id="expansion-to-a-flag",
        ),
        pytest.param(
            AS_IT_WAS, run(**args("--public-ip=$(IP)", "--iface", "$(IF)")), [], id="of-other-flags"
        ),
        pytest.param(
            AS_IT_WAS,
            run(
                **args("stop", "--net-config-path=/etc/kube-flannel/net-conf.json"),
                **env("FLANNELD_NET_CONFIG_PATH", value="/x"),
            ),
            ["path"],
            id="go-reads-no-flag-behind-a-word",
        ),
        pytest.param(
            AS_IT_WAS,
            run(
                **args("--iface", "--net-config-path=/etc/kube-flannel/net-conf.json"),
                **env("FLANNELD_NET_CONFIG_PATH", value="/x"),
            ),
            ["path"],
            id="value-that-looks-like-a-flag",
        ),
        pytest.param(
            AS_IT_WAS,
            run(args=["--", "--kube-subnet-mgr"]),
            ["etcd"],
            id="behind-two-hyphens",
        ),
        pytest.param(
            AS_IT_WAS,
            run(
                volumeMounts=[
                    {"name": "flannel-cfg", "mountPath": "/etc/kube-flannel/"},
                    {"name": "other", "mountPath": "/etc/./kube-flannel"},
                ]
            ),
            ["path"],
            id="mounted-over-by-another-spelling",
        ),
        pytest.param(
            AS_IT_WAS,
            run(
                volume(
                    "kube-flannel-cfg",
                    items=[
                        {"key": "net-conf.json", "path": "net-conf.json"},
                        {"key": "x", "path": "a/net-conf.json"},
                    ],
                ),
                volumeMounts=[
                    {
                        "name": "flannel-cfg",
                        "mountPath": "/etc/kube-flannel/",
                        "subPathExpr": "a",
                    }
                ],
            ),
            ["config-map"],
            id="folder-by-an-expression",
        ),
        pytest.param(
            AS_IT_WAS, run(projected({"name": "mine"})), ["config-map"], id="projected-over"
        ),
        pytest.param(
            AS_IT_WAS,
            run(projected({"name": "mine", "items": [{"key": "x", "path": "x"}]})),
            [],
            id="projected-beside",
        ),
        pytest.param(
            AS_IT_WAS, run(projected({"name": "mine"}, "secret")), ["path"], id="secret-over"
        ),
        pytest.param(AS_IT_WAS, DECOY, ["hidden"], id="two-of-them"),
        pytest.param(AS_IT_WAS, None, ["gone"], id="no-flanneld"),
        pytest.param(run(volume("mine")), run(volume("mine"), image="x"), [], id="was-so-before"),
        pytest.param(None, AS_IT_WAS, [], id="created"),
        pytest.param(None, run(volume("mine")), ["config-map"], id="created-with-another"),
        pytest.param(
            None, run(**args("--kube-annotation-prefix=a")), ["prefix"], id="created-prefix"
        ),
        pytest.param(None, SHELL, ["hidden-before"], id="created-with-a-shell"),
        pytest.param(None, None, [], id="no-flannel-at-all"),
    ],
)
def test_the_table(old, new, rows) -> None:
    """Each row of the table, refused on a live cluster where the table says so."""
    listed = frozenset({"kube-flannel-cfg", "canal-config"})
    change = FlanneldChange(
        old, new, "kube-flannel", old is None, listed, "flannel.alpha.coreos.com", live=True
    )
    refused = [violation.field for violation in flannel_daemonset_live.run(change)]

    assert [row for row, _, _ in judged(change)] == rows
    assert len(refused) == sum(ROWS[row].refused for row in rows)
    assert all(field.startswith("spec.template.spec.") for field in refused)


def test_before_a_cluster_is_built_it_is_free() -> None:
    """Where flannel never ran, nobody is led away from anything."""
    change = FlanneldChange(
        AS_IT_WAS, run(volume("mine")), "kube-flannel", False, frozenset(), "x", live=False
    )

    assert list(flannel_daemonset_live.run(change)) == []
