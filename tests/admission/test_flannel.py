"""The flannel guard: what is sent to it, and what it asks of the cluster."""

import base64

import pytest

from tests.reviews import config_map
from webhook.errors import UnavailableError
from webhook.model.objects import Node, ObjectMeta

OFF = '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}'
ON = '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan", "Directrouting": true}}'
ANNOTATION = "flannel.alpha.coreos.com/kube-subnet-manager"
CHECK = "netconf-directrouting-live"
WISH = {"portcullis.dev/override": "CHG-7"}


@pytest.fixture
def live(cluster) -> None:
    """Flannel runs on the second of three nodes."""
    cluster.node_list = [
        Node(ObjectMeta(name=f"node-{i}", annotations={ANNOTATION: value}))
        for i, value in enumerate(("", "true", "false"))
    ]


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize(
    ("name", "namespace"),
    [
        ("kube-flannel-cfg", "kube-flannel"),
        ("kube-flannel-cfg", "kube-system"),
        ("canal-config", "kube-system"),
    ],
)
def test_a_live_toggle_is_refused(validate, name, namespace) -> None:
    """Wherever flannel's configuration lives, the toggle is refused with a field cause."""
    where = {"name": name, "namespace": namespace}
    response = validate("UPDATE", config_map(ON, **where), config_map(OFF, **where))

    assert not response.allowed
    assert (response.code, response.reason) == (403, "Forbidden")
    assert response.causes[0].field == "data[net-conf.json].Backend.DirectRouting"
    assert 'verb "override" on guards.portcullis.dev/netconf-directrouting-live' in response.message
    assert response.audit_annotations == {"refused-by": CHECK}


def test_an_invalid_text_tells_of_the_override_in_its_cause(validate) -> None:
    """Of an Invalid, kubectl prints the causes and not the message."""
    response = validate("UPDATE", config_map("{"), config_map(OFF))

    assert (response.code, response.reason) == (422, "Invalid")
    (cause,) = response.causes
    assert f"{cause.field}: {cause.message}" == response.message
    assert "guards.portcullis.dev/netconf-readable" in cause.message


def test_before_the_cluster_is_built_it_is_free(validate) -> None:
    """Without a node that flannel ran on, the toggle is nobody's loss."""
    assert validate("UPDATE", config_map(ON), config_map(OFF)).allowed


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize(
    ("operation", "new", "old", "allowed"),
    [
        pytest.param("CREATE", config_map(OFF), None, True, id="created"),
        pytest.param("CREATE", config_map(ON), None, False, id="created-with-it"),
        pytest.param("CREATE", config_map("{"), None, False, id="created-unreadable"),
        pytest.param("DELETE", None, config_map(OFF), False, id="deleted"),
        pytest.param("DELETE", None, config_map(None), True, id="deleted-without-the-file"),
        pytest.param("UPDATE", config_map(None), config_map(OFF), False, id="key-removed"),
        pytest.param("UPDATE", config_map("{"), config_map("{"), True, id="left-unreadable"),
        pytest.param("UPDATE", config_map(OFF), config_map("{"), True, id="repaired"),
        pytest.param("UPDATE", config_map(OFF), config_map(OFF), True, id="unchanged"),
        pytest.param(
            "UPDATE",
            config_map(ON, name="mine", namespace="dev"),
            config_map(OFF, name="mine", namespace="dev"),
            True,
            id="some-other-config-map",
        ),
    ],
)
def test_on_a_live_cluster(validate, operation, new, old, allowed) -> None:
    """CREATE and DELETE are judged like UPDATE, so that no way leads round it."""
    assert validate(operation, new, old).allowed is allowed


@pytest.mark.usefixtures("live")
def test_binary_data_is_the_same_file(validate) -> None:
    """The kubelet mounts binaryData as it mounts data, so a toggle cannot hide there."""
    hidden = config_map(None)
    hidden["binaryData"] = {"net-conf.json": base64.b64encode(ON.encode()).decode()}
    response = validate("UPDATE", hidden, config_map(OFF))

    assert not response.allowed
    assert response.causes[0].field == "binaryData[net-conf.json].Backend.DirectRouting"


@pytest.mark.usefixtures("live")
def test_unchanged_text_asks_nothing_of_the_cluster(validate, cluster) -> None:
    """An annotation on the ConfigMap costs no call to the API server."""
    validate("UPDATE", config_map(OFF, annotations={"a": "b"}), config_map(OFF))

    assert cluster.calls["nodes"] == 0


def test_a_cluster_that_does_not_answer_refuses(validate, cluster) -> None:
    """Whether the cluster is live could not be told, so the change waits."""
    cluster.fail("nodes", UnavailableError("the API server is away"))
    response = validate("UPDATE", config_map(ON), config_map(OFF))

    assert not response.allowed
    assert (response.code, response.reason) == (503, "ServiceUnavailable")
    assert "the API server is away" in response.message


@pytest.mark.usefixtures("live")
class TestOverride:
    """Break-glass: the annotation asks, RBAC decides."""

    def test_with_permission(self, validate, cluster) -> None:
        """It is let through, and shows in a warning, an audit annotation and an Event."""
        cluster.overriders.add(("omar", CHECK))
        response = validate(
            "UPDATE", config_map(ON, annotations=WISH), config_map(OFF), user="omar"
        )

        assert response.allowed
        assert response.warnings == (
            f"overridden {CHECK} at data[net-conf.json].Backend.DirectRouting: CHG-7",
            "remove the annotation portcullis.dev/override now: it asks again at every change",
        )
        assert response.audit_annotations == {"override": f"{CHECK}: CHG-7"}
        (event,) = cluster.events
        assert event.reason == "GuardOverridden"
        assert event.about.name == "kube-flannel-cfg"
        assert "omar" in event.message

    def test_without_permission(self, validate, cluster) -> None:
        """The annotation alone opens nothing, and the message says what is missing."""
        response = validate("UPDATE", config_map(ON, annotations=WISH), config_map(OFF))

        assert not response.allowed
        assert "you lack the permission it needs" in response.message
        assert cluster.events == []

    def test_permission_for_another_check(self, validate, cluster) -> None:
        """Each check is a permission of its own."""
        cluster.overriders.add(("omar", "netconf-readable"))

        assert not validate(
            "UPDATE", config_map(ON, annotations=WISH), config_map(OFF), user="omar"
        ).allowed

    def test_permission_without_a_reason(self, validate, cluster) -> None:
        """Nobody overrides by accident: without the annotation nothing is asked."""
        cluster.overriders.add(("omar", CHECK))

        assert not validate("UPDATE", config_map(ON), config_map(OFF), user="omar").allowed
        assert cluster.calls["may_override"] == 0

    def test_delete_reads_the_old_object(self, validate, cluster) -> None:
        """A DELETE has no new object, so the wish stands on the old one."""
        cluster.overriders.add(("omar", "netconf-removed-live"))

        response = validate("DELETE", None, config_map(OFF, annotations=WISH), user="omar")

        assert response.allowed
        assert len(response.warnings) == 1

    def test_dry_run_records_no_event(self, validate, cluster) -> None:
        """A dry run has no effect but the answer."""
        cluster.overriders.add(("omar", CHECK))
        response = validate(
            "UPDATE", config_map(ON, annotations=WISH), config_map(OFF), user="omar", dry_run=True
        )

        assert response.allowed
        assert cluster.events == []

    def test_a_reason_with_control_characters(self, validate, cluster) -> None:
        """A reason over several lines becomes one, or the API server would drop the warning."""
        cluster.overriders.add(("omar", CHECK))
        wish = {"portcullis.dev/override": "two\nlines\x07"}
        response = validate(
            "UPDATE", config_map(ON, annotations=wish), config_map(OFF), user="omar"
        )

        assert response.warnings[0].endswith(": two lines")
