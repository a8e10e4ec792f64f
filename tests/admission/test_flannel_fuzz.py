"""No request ends in an exception: whatever is sent to the flannel guards is answered."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.admission.conftest import INSTALLED_AT
from tests.fakes.cluster import FakeCluster
from tests.netconfs import conf
from tests.reviews import body, config_map
from webhook.bootstrap import admission as compose
from webhook.deadline import Deadline
from webhook.metrics import SilentRecorder
from webhook.model.objects import Node, NodeSpec, ObjectMeta
from webhook.model.review import decode_review
from webhook.settings import load

PREFIX = "flannel.alpha.coreos.com"
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["name", "configMap", "items", "key", "path", "sources", "value", "image"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
KEYS = ["Network", "IPv6Network", "EnableIPv6", "EnableIPv4", "Backend", "SubnetLen", "Netwrok"]
VALUES = st.sampled_from(
    ["10.244.0.0/16", "fd00::/48", "10.9.0.0/8", True, False, None, 24, -1, "\x00\n", {}]
)
BACKENDS = st.dictionaries(
    st.sampled_from(["Type", "VNI", "Port", "MTU", "DirectRouting", "PSK", "Mode", "Name"]),
    st.sampled_from(["vxlan", "host-gw", "wireguard", "ipsec", "udp", 1, 4789, 10**9, True, None]),
)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.dictionaries(st.sampled_from(KEYS), VALUES).map(json.dumps),
    BACKENDS.map(conf),
    st.none(),
)
FUZZ = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def answer(payload, *, data='{"VNI":1}', cidr="10.244.0.0/24", memory=None):
    cluster = FakeCluster()
    cluster.installed = INSTALLED_AT
    annotations = {
        f"{PREFIX}/kube-subnet-manager": "true",
        f"{PREFIX}/backend-type": "vxlan",
        f"{PREFIX}/backend-data": data,
    }
    cluster.node_list = [Node(ObjectMeta(name="n", annotations=annotations), NodeSpec(cidr))]
    if memory is not None:
        cluster.memory["kube-flannel.kube-flannel-cfg"] = memory
    guards = compose(load({}), SilentRecorder(), cluster)
    return guards.validate(decode_review(payload), Deadline.after(30))


@FUZZ
@given(TEXTS, TEXTS, TEXTS, st.text(max_size=12), st.text(max_size=12))
def test_config_maps(old, new, memory, data, cidr) -> None:
    """Texts before and after, in memory, in annotations and as podCIDR may be anything."""
    for operation, sides in {
        "CREATE": (config_map(new), None),
        "UPDATE": (config_map(new), config_map(old)),
        "DELETE": (None, config_map(old)),
    }.items():
        payload = body(operation, *sides)
        response = answer(payload, data=data, cidr=cidr, memory=memory)

        assert response.code in {200, 403, 422}, response.message
        assert all(warning.isprintable() for warning in response.warnings)


@FUZZ
@given(st.dictionaries(st.sampled_from(["volumes", "containers"]), JSON), JSON)
def test_daemon_sets(spec, container) -> None:
    """A shape that the API server would not send is a bad request at most."""
    parts = spec | ({"containers": [container]} if isinstance(container, dict) else {})
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "kube-flannel-ds", "namespace": "kube-flannel"},
        "spec": {"template": {"spec": parts}},
    }

    assert answer(body("CREATE", manifest)).code in {200, 400, 403}
