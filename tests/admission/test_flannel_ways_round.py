"""No way leads round the flannel guard, and the author of a change learns what it does."""

import json

import msgspec
import pytest

from tests.netconfs import conf
from tests.reviews import body, config_map, namespace
from webhook.bootstrap import admission as compose
from webhook.deadline import Deadline
from webhook.errors import UnavailableError
from webhook.metrics import SilentRecorder
from webhook.model.objects import Node, NodeSpec, ObjectMeta
from webhook.model.review import decode_review
from webhook.model.workloads import DaemonSet
from webhook.settings import FlannelSettings, Strictness

PREFIX = "flannel.alpha.coreos.com"
CONTROLLER = "system:serviceaccount:kube-system:namespace-controller"
WISH = {"portcullis.dev/override": "CHG-7"}
HIDDEN = conf({"DirectRouting": True})
CNI = json.dumps({"name": "cbr0", "plugins": [{"type": "flannel", "delegate": {}}]})


def node(name="node-1", cidr="10.244.0.0/24", backend="vxlan", data='{"VNI":1}', **labels):
    annotations = {
        f"{PREFIX}/kube-subnet-manager": "true",
        f"{PREFIX}/backend-type": backend,
        f"{PREFIX}/backend-data": data,
    }
    return Node(ObjectMeta(name=name, annotations=annotations, labels=labels), NodeSpec(cidr))


def daemon_set(image="ghcr.io/flannel-io/flannel:v0.28.10", name="kube-flannel-ds", **more):
    container = {
        "name": "kube-flannel",
        "image": image,
        "command": ["/opt/bin/flanneld"],
        "args": ["--ip-masq", "--kube-subnet-mgr"],
        "volumeMounts": [{"name": "cfg", "mountPath": "/etc/kube-flannel/"}],
    }
    spec = {
        "containers": [container | more],
        "volumes": [{"name": "cfg", "configMap": {"name": "kube-flannel-cfg"}}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": "kube-flannel"},
        "spec": {"template": {"spec": spec}},
    }


@pytest.fixture
def live(cluster):
    """One node that runs flannel with the defaults."""
    cluster.node_list = [node()]
    return cluster


def files(**data):
    """Canal's ConfigMap; underscores in the keys as they stand."""
    manifest = config_map(conf(), name="canal-config", namespace="kube-system")
    manifest["data"] |= data
    return manifest


class TestMemory:
    """What is taken away is remembered, and compared with what comes after."""

    def remove(self, validate, live, old, **more):
        live.overriders.add(("omar", "netconf-removed-live"))
        return validate("DELETE", None, config_map(old, annotations=WISH), user="omar", **more)

    def test_a_toggle_through_delete_and_create_is_refused(self, validate, live) -> None:
        """Annotations do not show DirectRouting; the memory does."""
        assert self.remove(validate, live, HIDDEN).allowed
        assert live.memory == {"kube-flannel.kube-flannel-cfg": HIDDEN}

        response = validate("CREATE", config_map(conf()))
        assert not response.allowed
        assert "must stay true" in response.message
        assert validate("CREATE", config_map(HIDDEN)).allowed

    def test_a_key_that_is_taken_away_is_remembered_too(self, validate, live) -> None:
        """The ConfigMap may stay."""
        live.overriders.add(("omar", "netconf-removed-live"))
        validate("UPDATE", config_map(None, annotations=WISH), config_map(HIDDEN), user="omar")

        assert not validate("UPDATE", config_map(conf()), config_map(None)).allowed

    @pytest.mark.parametrize(
        ("old", "more"),
        [
            pytest.param(HIDDEN, {"dry_run": True}, id="dry-run"),
            pytest.param("{", {}, id="unreadable"),
        ],
    )
    def test_what_is_not_remembered(self, validate, live, old, more) -> None:
        """A dry run has no effect; what flannel could not read says nothing."""
        assert self.remove(validate, live, old, **more).allowed
        assert live.memory == {}

    def test_a_refused_removal_is_not_remembered(self, validate, live) -> None:
        """It did not happen."""
        assert not validate("DELETE", None, config_map(HIDDEN)).allowed
        assert live.memory == {}

    def test_before_a_cluster_is_built_nothing_is_remembered(self, validate, cluster) -> None:
        """All is free then."""
        assert validate("DELETE", None, config_map(HIDDEN)).allowed
        assert validate("CREATE", config_map(conf())).allowed
        assert cluster.memory == {}

    def test_a_removal_that_cannot_be_remembered_waits(self, validate, live) -> None:
        """Else a way round would be open."""
        live.fail("remember", UnavailableError("etcd is away"))

        assert self.remove(validate, live, HIDDEN).code == 503

    def test_a_memory_that_is_no_net_conf_hides_nothing(self, validate, live) -> None:
        """Somebody edited it: the nodes are asked all the same."""
        live.memory["kube-flannel.kube-flannel-cfg"] = "{"

        assert not validate("CREATE", config_map(conf({"VNI": 7}))).allowed


class TestEndOfNamespace:
    """The end of a Namespace is refused before it begins, and never after."""

    def test_its_deletion_is_refused(self, validate, live) -> None:
        """Here it can be said; later it would leave the Namespace stuck."""
        response = validate("DELETE", None, namespace("kube-flannel"))

        assert response.audit_annotations == {"refused-by": "flannel-namespace-live"}

    @pytest.mark.parametrize("name", ["dev", "kube-public"])
    def test_other_namespaces_go_as_they_like(self, validate, live, name) -> None:
        """Nothing is asked of the cluster for them."""
        assert validate("DELETE", None, namespace(name)).allowed
        assert live.calls["nodes"] == 0

    def test_before_a_cluster_is_built_it_is_free(self, validate, cluster) -> None:
        """Nothing is lost."""
        assert validate("DELETE", None, namespace("kube-flannel")).allowed

    def test_the_namespace_controller_is_not_held_up(self, validate, live) -> None:
        """The ConfigMap goes, and is remembered even so."""
        assert validate("DELETE", None, config_map(HIDDEN), user=CONTROLLER, name="").allowed
        assert live.memory == {"kube-flannel.kube-flannel-cfg": HIDDEN}

    def test_in_a_terminating_namespace_anybody_may(self, validate, live) -> None:
        """A finalizer's author, for example."""
        live.add_namespace("kube-flannel", terminating=True)

        assert validate("DELETE", None, config_map(HIDDEN)).allowed

    def test_it_goes_even_if_it_cannot_be_remembered(self, validate, live) -> None:
        """A Namespace stuck in Terminating helps nobody."""
        live.fail("remember", UnavailableError("etcd is away"))

        assert validate("DELETE", None, config_map(HIDDEN), user=CONTROLLER).allowed


class TestDaemonSet:
    """flanneld goes on reading the ConfigMap that is watched over."""

    def test_another_path_is_refused(self, validate, live) -> None:
        """By argument, with the field of the container."""
        args = ["--kube-subnet-mgr", "--net-config-path=/run/x.json"]
        response = validate("UPDATE", daemon_set(args=args), daemon_set())

        assert response.causes[0].field == "spec.template.spec.containers[0].args"
        assert response.audit_annotations == {"refused-by": "flannel-daemonset-live"}

    def test_a_new_image_costs_no_call(self, validate, live) -> None:
        """An upgrade is the usual change."""
        assert validate("UPDATE", daemon_set(image="flannel:v0.29.0"), daemon_set()).allowed
        assert live.calls["nodes"] == 0

    def test_a_shell_on_create_is_warned_of(self, validate, live) -> None:
        """What cannot be compared is told."""
        response = validate("CREATE", daemon_set(command=["sh", "-c", "flanneld"], args=None))

        assert response.allowed
        assert "cannot be read from the DaemonSet" in response.warnings[0]

    @pytest.mark.parametrize("source", [{"name": 1}, "x", {"items": {}}])
    def test_a_shape_that_is_none_is_no_exception(self, validate, live, source) -> None:
        """The API server would not send it; it is answered all the same."""
        odd = daemon_set()
        odd["spec"]["template"]["spec"]["volumes"] = [
            {"name": "cfg", "projected": {"sources": [{"configMap": source}]}}
        ]

        assert validate("CREATE", odd).code == 400


class TestWarnings:
    """What is let through and has an effect is told."""

    def warnings(self, validate, new, old=None):
        operation = "UPDATE" if old else "CREATE"
        response = validate(operation, config_map(new), old and config_map(old))
        assert response.allowed, response.message
        return "\n".join(response.warnings)

    def test_a_restart_is_needed(self, validate, live) -> None:
        """Key, values, why and when; each on one line."""
        lines = self.warnings(validate, conf({"MTU": 1400}), conf())

        assert "Backend.MTU absent -> 1400: " in lines
        assert "when each flannel pod restarts next" in lines

    def test_back_to_the_upstream_values(self, validate, live) -> None:
        """Even where it is no harm, it is seldom meant."""
        assert "kubectl apply" in self.warnings(validate, conf(), conf({"MTU": 1400}))

    @pytest.mark.parametrize(
        ("new", "told"),
        [
            pytest.param(conf(DirectRouting=True), 'belongs inside "Backend"', id="misplaced"),
            pytest.param(
                conf({"Direct-Routing": True}), 'probably meant is "DirectRouting"', id="misspelt"
            ),
            pytest.param(conf(SubnetLen=25), "ignored in kube-subnet-mgr mode", id="ignored"),
            pytest.param(conf(fluffy=1), "fluffy: unknown and so ignored", id="unknown"),
            pytest.param(conf(Network="10.244.7.7/16"), "host bits", id="host-bits"),
            pytest.param(conf({"Port": 74008}), "Backend.Port", id="truncated-port"),
        ],
    )
    def test_keys_without_effect(self, validate, live, new, told) -> None:
        """The near miss is named."""
        assert told in self.warnings(validate, new, conf())

    def test_on_a_new_cluster_only_the_file_is_spoken_of(self, validate, cluster) -> None:
        """No word about restarts."""
        assert self.warnings(validate, conf({"VNI": 7}), conf()) == ""

    def test_direct_routing_by_setting(self, cluster, environment) -> None:
        """`flannel.directRouting: warn` makes the refusal a warning."""
        cluster.node_list = [node()]
        flannel = FlannelSettings(direct_routing=Strictness.WARN)
        settings = msgspec.structs.replace(environment.settings, flannel=flannel)
        lenient = compose(
            msgspec.structs.replace(environment, settings=settings), SilentRecorder(), cluster
        )

        attributes = decode_review(body("UPDATE", config_map(HIDDEN), config_map(conf())))
        response = lenient.validate(attributes, Deadline.after(5))

        assert response.allowed
        assert response.warnings[0].startswith("Backend.DirectRouting false -> true: ")
        assert "rp_filter=1" in response.warnings[0]


class TestVersion:
    """What older flannel does is judged by its DaemonSet's image."""

    @pytest.mark.parametrize(
        ("image", "namespace", "allowed"),
        [
            pytest.param("quay.io/coreos/flannel:v0.14.0", "kube-flannel", False, id="old"),
            pytest.param("quay.io/coreos/flannel:v0.14.0-amd64", "kube-flannel", False, id="arch"),
            pytest.param("quay.io/coreos/flannel:v0.28.10", "kube-flannel", True, id="new"),
            pytest.param("quay.io/coreos/flannel@sha256:0", "kube-flannel", True, id="no-tag"),
            pytest.param("quay.io/coreos/flannel:v0.14.0", "other", True, id="elsewhere"),
        ],
    )
    def test_ranges_before_v0_20(self, validate, cluster, image, namespace, allowed) -> None:
        """SubnetLen outside its range stopped flannel before v0.20.0, in kube mode too."""
        manifest = daemon_set(image=image)
        manifest["metadata"]["namespace"] = namespace
        cluster.daemon_set_list = [msgspec.convert(manifest, DaemonSet)]

        assert validate("CREATE", config_map(conf(SubnetLen=31))).allowed is allowed


class TestCni:
    """The other keys of the ConfigMap."""

    def test_a_broken_conflist_is_refused_on_a_new_cluster_too(self, validate, cluster) -> None:
        """It would be copied over the good one."""
        manifest = config_map(conf())
        manifest["data"]["cni-conf.json"] = CNI.replace("{}", '{"ipam": {}}')
        response = validate("CREATE", manifest)

        assert [cause.field for cause in response.causes] == [
            "data[cni-conf.json].plugins[0].delegate.ipam"
        ]

    def test_two_faults_make_one_answer(self, validate, cluster) -> None:
        """Of net-conf.json and cni-conf.json alike."""
        manifest = config_map("{")
        manifest["data"]["cni-conf.json"] = "{"

        assert len(validate("CREATE", manifest).causes) == 2

    def test_canals_keys_stay(self, validate, live) -> None:
        """One that goes is refused; a new value is warned of."""
        old = files(canal_iface="", masquerade="true", veth_mtu="1450")
        gone = validate("UPDATE", files(canal_iface="", masquerade="true"), old)
        changed = validate("UPDATE", files(canal_iface="", masquerade="false", veth_mtu="0"), old)

        assert [cause.field for cause in gone.causes] == ["data[veth_mtu]"]
        assert any("masquerade: has no effect" in warning for warning in changed.warnings)
        assert any(warning.startswith("veth_mtu: new pods only") for warning in changed.warnings)

    def test_a_template_is_no_json(self, validate, live) -> None:
        """Canal's is judged with its placeholders filled."""
        good = '{"name": "k8s", "plugins": [{"type": "calico", "mtu": __CNI_MTU__}]}'

        assert validate("UPDATE", files(cni_network_config=good), files()).allowed
        assert not validate("UPDATE", files(cni_network_config=good[:-1]), files()).allowed


@pytest.mark.parametrize("data", ["", "null", "{", "[]", '{"VNI": "x"}', '{"VNI": 1e9}', "\x00"])
def test_annotations_may_hold_anything(validate, cluster, data) -> None:
    """Whoever may write a Node cannot stop reviews."""
    cluster.node_list = [node(data=data)]

    assert validate("CREATE", config_map(conf({"VNI": 7}))).code in {200, 403}


def test_windows_nodes_are_seen(validate, cluster) -> None:
    """By their label, on a cluster that is not live yet."""
    cluster.node_list = [Node(ObjectMeta(name="w", labels={"kubernetes.io/os": "windows"}))]
    response = validate("CREATE", config_map(conf({"VNI": 7})))

    assert [cause.field for cause in response.causes] == ["data[net-conf.json].Backend.VNI"]
    assert response.code == 422


def test_a_node_outside_counts_on_a_new_cluster(validate, cluster) -> None:
    """A podCIDR never changes, so flannel would exit there from its first start."""
    cluster.node_list = [Node(ObjectMeta(name="n"), NodeSpec("10.42.0.0/24"))]

    assert not validate("CREATE", config_map(conf())).allowed
    assert validate("CREATE", config_map(conf(Network="10.42.0.0/16"))).allowed
