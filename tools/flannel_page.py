"""Makes docs/flannel.md: each row is a change that the checks themselves judge.

Ratings, reasons and remedies come from `webhook.netconf.changes`, answers from `webhook.checks`,
the DaemonSet's table from its check: the page cannot say anything else than the webhook does.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from webhook.admission.netconf_advice import EFFECTS
from webhook.checks import CHECKS
from webhook.checks.flannel_daemonset_live import ROWS
from webhook.checks.registry import evaluate
from webhook.checks.subjects import FlannelNodes, NetConfChange
from webhook.netconf import NEWEST, KeyChange, Rating, Version, parse
from webhook.settings import FLANNEL_CONFIG_MAPS


class Example(NamedTuple):
    """A change, and how the page calls it.

    Args:
        title: as the page calls it.
        old: the text so far.
        new: the text to be.
        nodes: what the cluster tells.
        version: of flannel.
    """

    title: str
    old: str
    new: str
    nodes: FlannelNodes
    version: Version = NEWEST


def _conf(backend: dict[str, Any] | None = None, **top: Any) -> str:
    section = {"Type": "vxlan"} | (backend or {})
    return json.dumps({"Network": "10.244.0.0/16", "Backend": section} | top)


def _nodes(*cidrs: str) -> FlannelNodes:
    return FlannelNodes(live=True, pod_cidrs=(("node-1", cidrs or ("10.244.0.0/24",)),))


_LIVE, _DUAL = _nodes(), _nodes("10.244.0.0/24", "fd00::/64")
_IP6 = {"EnableIPv6": True, "IPv6Network": "fd00::/48"}
_WIREGUARD = {"Type": "wireguard"}
_IPSEC = {"Type": "ipsec", "PSK": "k" * 96}
_EXTENSION = {"Type": "extension", "PreStartupCommand": "true"}
_TENCENT = {"Type": "tencent-vpc", "AccessKeyID": "a", "AccessKeySecret": "b"}


def _backend(title: str, old: dict[str, Any], new: dict[str, Any], **more: Any) -> Example:
    return Example(title, _conf(old), _conf(new), _LIVE, **more)


def _top(title: str, nodes: FlannelNodes = _LIVE, **top: Any) -> Example:
    return Example(title, _conf(), _conf(**top), nodes)


_PSK = "x" * 96
EXAMPLES = (
    _backend("DirectRouting, of vxlan or ipip", {}, {"DirectRouting": True}),
    _backend("Type vxlan ↔ host-gw", {}, {"Type": "host-gw"}),
    _backend("Type → wireguard", {}, _WIREGUARD),
    _backend("Type wireguard → another", _WIREGUARD, {}),
    _backend("Type → alloc", {}, {"Type": "alloc"}),
    _backend("Type ↔ any other", {}, {"Type": "ipip"}),
    Example("Backend removed", _conf(), '{"Network": "10.244.0.0/16"}', _LIVE),
    _backend("vxlan VNI", {}, {"VNI": 7}),
    _backend("vxlan Port", {}, {"Port": 4789}),
    _backend("vxlan Port N → absent or 0", {"Port": 4789}, {}),
    _backend("vxlan GBP", {}, {"GBP": True}),
    _backend("vxlan MTU", {}, {"MTU": 1400}),
    _backend("vxlan Learning", {}, {"Learning": True}),
    _backend("wireguard PSK", _WIREGUARD, _WIREGUARD | {"PSK": "A" * 43 + "="}),
    _backend("wireguard ListenPort", _WIREGUARD, _WIREGUARD | {"ListenPort": 51830}),
    _backend("wireguard ListenPortV6", _WIREGUARD, _WIREGUARD | {"ListenPortV6": 51831}),
    _backend(
        "wireguard ListenPort before v0.26.6",
        _WIREGUARD,
        _WIREGUARD | {"ListenPort": 51830},
        version=Version(0, 26, 5),
    ),
    _backend("wireguard Mode", _WIREGUARD, _WIREGUARD | {"Mode": "ipv4"}),
    _backend("wireguard MTU", _WIREGUARD, _WIREGUARD | {"MTU": 1400}),
    _backend(
        "wireguard PersistentKeepaliveInterval",
        _WIREGUARD,
        _WIREGUARD | {"PersistentKeepaliveInterval": 25},
    ),
    _backend("udp Port", {"Type": "udp"}, {"Type": "udp", "Port": 9000}),
    _backend("ipsec, any key", _IPSEC, _IPSEC | {"PSK": _PSK}),
    _backend("extension, any key", _EXTENSION, _EXTENSION | {"PreStartupCommand": "id"}),
    _backend("tencent-vpc, any key", _TENCENT, _TENCENT | {"AccessKeyID": "c"}),
    _top("Network widened", Network="10.0.0.0/8"),
    _top("Network narrowed, every podCIDR within", Network="10.244.0.0/20"),
    _top("Network without some podCIDR", Network="10.9.0.0/16"),
    _top("EnableIPv6 on, every node dual-stack", _DUAL, **_IP6),
    _top("EnableIPv6 on, some node without", **_IP6),
    Example(
        "EnableIPv4 or EnableIPv6 off",
        _conf(None, **_IP6),
        _conf(None, EnableIPv4=False, **_IP6),
        _DUAL,
    ),
    _top("EnableNFTables", EnableNFTables=True),
    _top("SubnetLen, SubnetMin, SubnetMax, IPv6Subnet…", SubnetLen=25),
    _top("unknown, misspelt or misplaced keys", DirectRouting=True),
)

INSTALLERS = (
    ("flannel's kube-flannel.yml since v0.19.0", "kube-flannel", "kube-flannel-cfg"),
    ("flannel's before that; kops, kubespray", "kube-system", "kube-flannel-cfg"),
    ("flannel's Helm chart", "", "kube-flannel-cfg"),
    ("Calico's canal.yaml; RKE1", "kube-system", "canal-config"),
    ("RKE2 with canal, its default", "kube-system", "rke2-canal-config"),
)
"""Who makes the ConfigMap, its namespace (none: the release's own) and its name."""

LISTING = """\
flannel:
  configMaps:
    - namespace: kube-system
      name: rke2-canal-config
"""
"""The chart's values for RKE2, as the page shows them."""

_MEANINGS = {
    Rating.SAFE: "nothing changes for any packet",
    Rating.RESTART: "needs a restart of all flannel pods; tolerable while nodes differ",
    Rating.SPLIT: "nodes that restarted and nodes that did not lose each other's packets",
    Rating.BREAKS: "breaks connectivity, or keeps flannel from starting, for good",
}
assert list(_MEANINGS) == list(Rating)

_HEAD = """# flannel and canal: what is guarded

Generated from the code by `make docs` (tools/flannel_page.py); do not edit.

Guarded are the ConfigMaps listed under `flannel.configMaps` (`kube-flannel-cfg` of kube-flannel and
kube-system, and `canal-config` unless told otherwise): `net-conf.json` in `data` or `binaryData`,
the CNI configuration beside it, the keys that canal's pods need, the DaemonSet that reads them, and
the Namespace that holds them. A cluster is **live** once a Node carries the annotation
`<prefix>/kube-subnet-manager: "true"`; flannel never removes it.

flanneld reads net-conf.json once, when it starts. A change does nothing at first, and takes effect
on each node when its flannel pod restarts next: a rollout, a reboot, a crash. So a bad one is a
time bomb, and until the last node has restarted a good one has nodes that differ. What then gets
lost was measured with real flannel: [why-directrouting.md](why-directrouting.md).

## Where the ConfigMap is

@INSTALLERS@

What is listed is all that is guarded; a list in the chart's values replaces the default one. For
RKE2:

```yaml
@LISTING@```

RKE2 renders that ConfigMap from the HelmChartConfig `rke2-canal`: what is refused shows as a failed
Job `helm-install-rke2-canal`, and is put right there. k3s has no ConfigMap: its agents write
`/var/lib/rancher/k3s/agent/etc/flannel/net-conf.json` on each node from `--flannel-backend` or
`--flannel-conf`, and no admission webhook sees that.

## Changes of net-conf.json on a live cluster

Effective values are compared, not texts: white space, order and case of keys, explicit defaults and
unknown keys are no change. A file that flannel could not read may always be repaired.

"""

_NEW_CLUSTER = """
## On any cluster, a new one too

What flannel could start with is free on a cluster that is not live. Refused is what it could not:

| what | check |
|---|---|
| no JSON as Go reads it, a value of another type, no backend of that name | `netconf-readable` |
| SubnetLen, SubnetMin, SubnetMax out of range, with a DaemonSet's image before v0.20.0 | \
`netconf-readable` |
| VNI or MTU beyond the kernel; a Port, VNI, DirectRouting or GBP that Windows nodes refuse | \
`netconf-limits` |
| Network or IPv6Network without the podCIDR of some node; a family that some node has not | \
`netconf-podcidr-outside` |
| cni-conf.json or canal's cni_network_config that libcni or the flannel plugin cannot load | \
`cniconf-readable` |

## Ways round

| way | answer | how |
|---|---|---|
| DELETE of the ConfigMap on a live cluster: by name, `--all`, or as a collection | refused: \
`netconf-removed-live` | |
| its key taken away, emptied or renamed | refused: `netconf-removed-live`, empty \
`netconf-readable` | a key by another name is not the file that the pods mount |
| CREATE after it | as a change | what was taken away is kept in the ConfigMap \
`<fullname>-netconf` of our namespace, and compared |
| reading what was kept | as any ConfigMap of our namespace | a key such as wireguard's PSK stands \
there as it stood in flannel's own |
| CREATE of what was never seen, or over an unreadable file | refused: `netconf-recreated-live` | \
backend type and VNI are compared with the nodes' annotations, DirectRouting with its default |
| DELETE with a memory that cannot be written | refused, 503 | unless the Namespace is going: that \
is never held up |
| `binaryData` in place of `data` | as a change | the kubelet mounts both alike |
| a ConfigMap of another name, and the DaemonSet led to it | refused: `flannel-daemonset-live` | \
below |
| deletion of the Namespace on a live cluster | refused: `flannel-namespace-live` | once it is \
Terminating, nothing in it is refused any more |
| a key goes that the pods need (`cni-conf.json`; canal's `cni_network_config`, `canal_iface`, \
`masquerade`, `veth_mtu`) | refused on a live cluster: `flannel-keys-required` | |
| `masquerade` of canal | warned of | `--ip-masq` stands on the command line and wins |
| an explicit `delegate.mtu` in cni-conf.json | warned of | it defeats Backend.MTU |
@EFFECTS@\
| `kubectl apply` of flannel's own manifest over values of your own | as the changes it makes | \
recognised by its values, and called what it is |
| the annotation `portcullis.dev/override` | admitted for who has the verb `override` on \
`guards.portcullis.dev` under the check's id | a warning, an audit annotation, an Event and a \
metric; it stays in force while it stays on the object |

## The DaemonSet

Sent are `kube-flannel-ds…`, `canal`, `rke2-canal`, and whatever mounts a listed ConfigMap; never
Pods. With failurePolicy Ignore: a broken network must be repairable while nobody can reach us.
Refusals are those of `flannel-daemonset-live`; everything that is not in this table is free, the
DaemonSet's deletion too.

| change on a live cluster | answer | what happens | what to do instead |
|---|---|---|---|
"""

_TAIL = """
## What is not seen

- Values that are in no API object: `rp_filter` of the nodes, the MTU of the underlay, routes and
  devices that an earlier flannel left behind.
- k3s, which keeps its configuration in a file of the node, and flannel's etcd mode.
- Nodes and Pods, which are never sent to us: who may write every Node can take flannel's
  annotations off them, and the cluster passes for a new one until the next flannel pod starts; who
  may create privileged Pods can run a flanneld of his own.
- A DaemonSet of another name that mounts no listed ConfigMap.
- What was kept in `<fullname>-netconf`: who may write ConfigMaps of our namespace can change it.
- A Secret in place of the ConfigMap (one revision of RKE2's chart), and ConfigMaps not listed.
- The second of two changes when the first was never taken up: a ConfigMap says what will be, not
  what runs.
"""


def render() -> str:
    """The text of docs/flannel.md."""
    head = _HEAD.replace("@INSTALLERS@", "\n".join(_installers())).replace("@LISTING@", LISTING)
    lines = [head, *_ratings(), "", "| change | rating | answer | what happens | what to do |"]
    lines += ["|---|---|---|---|---|", *(_row(example) for example in EXAMPLES)]
    return "\n".join(lines).replace("\n\n\n", "\n\n") + _rest()


def _rest() -> str:
    ways = _NEW_CLUSTER.replace("@EFFECTS@", "".join(_effect_rows()))
    return f"\n{ways}{''.join(_daemon_set_rows())}{_TAIL}"


def _effect_rows() -> Iterator[str]:
    for key, effect in EFFECTS.items():
        yield f"| another `{key}` on a live cluster | warned of | {effect} |\n"


def _installers() -> Iterator[str]:
    yield "| installed by | namespace | ConfigMap | listed unless told otherwise |"
    yield "|---|---|---|---|"
    for who, namespace, name in INSTALLERS:
        usual = [each.namespace for each in FLANNEL_CONFIG_MAPS if each.name == name]
        listed = "yes" if namespace in usual else "no: list it"
        if not namespace:
            listed = f"in {' and '.join(usual)}; else list it"
        yield f"| {who} | {namespace or 'of the release'} | `{name}` | {listed} |"


def _ratings() -> Iterator[str]:
    yield "| rating | meaning |"
    yield "|---|---|"
    for rating, meaning in _MEANINGS.items():
        yield f"| {rating.value} | {meaning} |"


def change_of(example: Example) -> NetConfChange:
    """The subject that the guard would gather of an example."""
    return NetConfChange(
        "data[net-conf.json]",
        parse(example.old),
        parse(example.new),
        example.nodes,
        example.version,
    )


def _row(example: Example) -> str:
    change = change_of(example)
    first = max(change.rated, key=lambda each: each.rating.severity, default=None)
    rating = first.rating.value if first else Rating.SAFE.value
    cells = (example.title, rating, _answer(change, first), *_told(first))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _answer(change: NetConfChange, first: KeyChange | None) -> str:
    checks = sorted({finding.check_id for finding in evaluate(CHECKS, change)})
    if checks:
        setting = ", or warned of (`flannel.directRouting`)" if "directrouting" in checks[0] else ""
        return f"refused: {', '.join(f'`{each}`' for each in checks)}{setting}"
    if first and first.rating is Rating.RESTART:
        return "warned of"
    return "warned of: no effect" if first is None or "ignored" in first.reason else "admitted"


def _told(first: KeyChange | None) -> tuple[str, str]:
    if first is None:
        return "flannel ignores them without a word", "write what the warning names"
    return first.reason, first.remedy


def _daemon_set_rows() -> Iterator[str]:
    for row in ROWS.values():
        answer = "refused" if row.refused else "warned of"
        yield f"| {row.what} | {answer} | {row.happens} | {row.instead} |\n"
