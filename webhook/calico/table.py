"""What each change of Calico's configuration does to a cluster that runs with it.

Sources: ``C`` is projectcalico/calico (file), ``D`` its documentation (docs.tigera.io, page), a
``#`` an issue of that repository unless another is named. `F` is our own measurement with flannel,
where the kernel does the same. Nothing here was measured with Calico itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from webhook.netconf import KeyChange, Rating

_S, _R, _X, _B = Rating.SAFE, Rating.RESTART, Rating.SPLIT, Rating.BREAKS


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Args:
        change: what is changed.
        rating: what that does.
        reason: why, fit for a message.
        source: where that is from.
        remedy: what to do instead.
    """

    change: str
    rating: Rating
    reason: str
    source: str
    remedy: str

    def of(self, key: str, old: str, new: str) -> KeyChange:
        """The change of one key, rated by this row."""
        return KeyChange(key, old, new, self.rating, self.reason, self.remedy)


_NEW_POOL = (
    "make a new pool beside it, disable this one, recreate its pods, delete it when it is empty"
)
_KEEP_IPIP = "keep it; for another encapsulation make a new pool beside it and move the pods there"
_WINDOW = "keep it, or override in a maintenance window and restart calico-node everywhere at once"

TABLE: Final[Mapping[str, Row]] = {
    "encapsulation": Row(
        "IPPool `ipipMode`, `vxlanMode`: another kind (none, IPIP, VXLAN)",
        _X,
        "each node's Felix restarts on its own and builds other tunnels and routes; until the last "
        "has, nodes lose each other's pods, and IPIP needs BIRD where VXLAN needs none",
        "C felix/calc/encapsulation_resolver.go; #4022, kubespray#8691 (all pod traffic lost)",
        _KEEP_IPIP,
    ),
    "encapsulation-mode": Row(
        "IPPool `ipipMode`, `vxlanMode`: `Always` ↔ `CrossSubnet`",
        _X,
        "nodes change over one by one; meanwhile two nodes of one subnet answer each other over "
        "different interfaces, which rp_filter=1 drops, and CrossSubnet needs an underlay that "
        "carries pod addresses",
        "D networking/configuring/vxlan-ipip; F (flannel's DirectRouting: 0 of 3 echoes)",
        _KEEP_IPIP,
    ),
    "cidr": Row(
        "IPPool `cidr`",
        _B,
        "addresses handed out from the old range belong to no pool any more: no tunnel, no NAT, "
        "no BGP export for them",
        "C libcalico-go/lib/clientv3/ippool.go: cannot be modified; D ipam/migrate-pools",
        _NEW_POOL,
    ),
    "blockSize": Row(
        "IPPool `blockSize`",
        _B,
        "blocks of the old size stay, and new ones of another size overlap them",
        "C libcalico-go/lib/clientv3/ippool.go: cannot be modified; D ipam/change-block-size",
        _NEW_POOL,
    ),
    "blockSize-create": Row(
        "IPPool created over blocks of another size",
        _B,
        "blocks of another size lie in its range, and new ones would overlap them",
        "C libcalico-go/lib/clientv3/ippool.go: Create refuses it, kubectl does not",
        "give the pool the size of the blocks, or another range",
    ),
    "natOutgoing-off": Row(
        "IPPool `natOutgoing`: on → off",
        _B,
        "at once no pod of the pool reaches anything outside, unless the network beyond the nodes "
        "has routes to pod addresses",
        "#4277 (a maintainer: without it no way to the internet); D networking/ipam",
        "keep it, or route pod addresses first, then override",
    ),
    "natOutgoing-on": Row(
        "IPPool `natOutgoing`: off → on",
        _R,
        "outside the cluster pods are seen with their node's address from now on",
        "C api/pkg/apis/projectcalico/v3/ippool.go",
        "check firewalls that know pod addresses",
    ),
    "disabled-on": Row(
        "IPPool `disabled`: false → true",
        _R,
        "running pods keep their addresses, but new pods get none from this pool",
        "C api/pkg/apis/projectcalico/v3/ippool.go; D ipam/migrate-pools",
        "have another pool enabled first",
    ),
    "disabled-off": Row(
        "IPPool `disabled`: true → false",
        _S,
        "addresses are handed out again",
        "C api/pkg/apis/projectcalico/v3/ippool.go",
        "nothing to do",
    ),
    "disableBGPExport-on": Row(
        "IPPool `disableBGPExport`: false → true",
        _R,
        "BIRD tells its peers no routes of this pool any more: routers lose its pods, and where "
        "nodes learn each other's routes by BGP (IPIP, no encapsulation) they may as well",
        "C confd (calico/confd#653); #6704 (Services unreachable from other nodes)",
        "see how nodes learn these routes first: ip route; a VXLAN pool needs no BGP",
    ),
    "disableBGPExport-off": Row(
        "IPPool `disableBGPExport`: true → false",
        _R,
        "BIRD tells its peers routes to every block of this pool from now on",
        "C confd (calico/confd#653)",
        "check that routers want them",
    ),
    "nodeSelector": Row(
        "IPPool `nodeSelector`",
        _R,
        "nodes that it no longer selects get no new addresses from this pool; running pods stay",
        "D reference/resources/ippool",
        "see that every node has a pool",
    ),
    "deleted": Row(
        "IPPool deleted while blocks lie in it",
        _B,
        "its pods lose tunnel routes, NAT and BGP export at once, and their addresses may be "
        "handed out again",
        "C libcalico-go/lib/clientv3/ippool.go (Delete releases affinities); D ipam/migrate-pools",
        "disable it, recreate its pods in another pool, delete it when its blocks are gone",
    ),
    "deleted-held": Row(
        "IPPool deleted while blocks lie in it, with Calico's finalizer",
        _R,
        "calico-kube-controllers keeps it until its last block is gone; new pods get no address",
        "C kube-controllers/pkg/controllers/ippool/pool_controller.go",
        "have another pool enabled first",
    ),
    "felix-encap-off": Row(
        "FelixConfiguration `ipipEnabled`, `vxlanEnabled`: to or from `false`",
        _X,
        "it overrides the pools: Felix of each node restarts and takes the tunnel down or up, one "
        "node after the other",
        "C felix/calc/encapsulation_resolver.go (explicit value wins over pools)",
        "leave it unset: Felix follows the IP pools",
    ),
    "felix-encap-on": Row(
        "FelixConfiguration `ipipEnabled`, `vxlanEnabled`: unset ↔ `true`",
        _R,
        "each Felix restarts and keeps the tunnel device whether a pool needs it or not",
        "C felix/calc/encapsulation_resolver.go; #4856",
        "leave it unset: Felix follows the IP pools",
    ),
    "felix-vxlan": Row(
        "FelixConfiguration `vxlanVNI`, `vxlanPort`",
        _X,
        "nodes that changed over and nodes that did not lose each other's VXLAN packets",
        "C felix/config/config_params.go (4096, 4789); F (VNI and Port: all lost)",
        _WINDOW,
    ),
    "felix-mtu": Row(
        "FelixConfiguration `ipipMTU`, `vxlanMTU`",
        _R,
        "tunnels change at once, pods keep the MTU that they were born with; above what the "
        "underlay carries, large packets vanish",
        "D networking/configuring/mtu",
        "recreate pods after it",
    ),
    "felix-bpf": Row(
        "FelixConfiguration `bpfEnabled`",
        _R,
        "each Felix restarts with another data plane: connections through Services may break, and "
        "eBPF needs the API server's address in kubernetes-services-endpoint",
        "D operations/ebpf/enabling-ebpf",
        "follow Calico's guide, in a maintenance window",
    ),
    "felix-wireguard": Row(
        "FelixConfiguration `wireguardEnabled`",
        _R,
        "nodes that have a key encrypt to each other, the others go on as before",
        "D network-policy/encrypt-cluster-pod-traffic",
        "check that UDP 51820 passes between nodes",
    ),
    "calico_backend": Row(
        "calico-config `calico_backend` (bird, vxlan, none)",
        _X,
        "calico-node reads it when it starts: nodes change over one by one, and without BIRD no "
        "node learns the routes of IPIP and unencapsulated pools",
        "C manifests/calico.yaml (CALICO_NETWORKING_BACKEND); kubespray#8691",
        _WINDOW,
    ),
    "calico_backend-removed": Row(
        "calico-config `calico_backend` removed",
        _B,
        "calico-node's Pods name the key as required: each stays at CreateContainerConfigError "
        "from its next restart on",
        "C manifests/calico.yaml (configMapKeyRef without optional)",
        "put the key back",
    ),
    "datastore": Row(
        "calico-config `etcd_endpoints`, or `datastore_type` of `cni_network_config`",
        _B,
        "nodes that restart read another datastore, without the pools, addresses and policies of "
        "this one; policies that are not there do not deny",
        "D operations/datastore-migration; C manifests/calico-etcd.yaml",
        "calicoctl datastore migrate: export, lock, import, then switch, in a maintenance window",
    ),
    "ipam": Row(
        "calico-config `ipam.type` of `cni_network_config`",
        _B,
        "new pods get addresses from another allocator, which does not know those handed out: two "
        "pods may share one",
        "D networking/ipam/get-started-ip-addresses; C manifests/calico.yaml",
        "choose the IPAM when the cluster is built; later only by draining node after node",
    ),
    "cni_network_config": Row(
        "calico-config, the rest of `cni_network_config`",
        _R,
        "each node takes it up at calico-node's next restart, for new pods alone",
        "C manifests/calico.yaml (init container install-cni)",
        "restart calico-node node by node and look at a new pod",
    ),
    "veth_mtu": Row(
        "calico-config `veth_mtu`",
        _R,
        "taken up at calico-node's next restart, for new pods alone; tunnels change at once then",
        "C manifests/calico.yaml; D networking/configuring/mtu",
        "restart calico-node, then recreate pods",
    ),
    "typha_service_name": Row(
        "calico-config `typha_service_name`",
        _R,
        "from its next restart on calico-node asks another Typha, or none",
        "C manifests/calico-typha.yaml",
        "have that Typha running first",
    ),
    "config-removed": Row(
        "calico-config deleted",
        _B,
        "calico-node's Pods name its keys as required: each stays at CreateContainerConfigError "
        "from its next restart on",
        "C manifests/calico.yaml (configMapKeyRef without optional)",
        "change it in place; to remove Calico delete its DaemonSet first",
    ),
}
"""The table, in the order of the documentation."""
