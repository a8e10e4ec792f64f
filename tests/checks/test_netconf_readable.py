"""net-conf.json is what flanneld can start with."""

from pathlib import Path

import pytest
import yaml

from webhook.checks.netconf_readable import netconf_readable
from webhook.checks.subjects import NetConfChange
from webhook.netconf import NetConfError, parse

GOOD = '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}'
SAMPLE = Path(__file__).parents[2] / "examples/owner/kube-flannel-cfg.yaml"


def violations(text: str | None) -> list:
    try:
        new = None if text is None else parse(text)
    except NetConfError as error:
        new = error
    change = NetConfChange("data[net-conf.json]", parse(GOOD), new)
    return list(netconf_readable.run(change))


@pytest.mark.parametrize(
    ("text", "field", "place"),
    [
        pytest.param(
            '{"Network": "10.244.0.0/16" // ours\n}', "Network", "line 1, column 29", id="comment"
        ),
        pytest.param('{"Backend": {"Type": "vxlan",}}', "Backend", "line 1, column 30", id="comma"),
        pytest.param(
            '{"Backend": {"Type": "vxlan", "VNI": "1"}}',
            "Backend.VNI",
            "line 1, column 38",
            id="type",
        ),
        pytest.param(
            '{"Backend": {"Type": "vxlam"}}', "Backend.Type", "line 1", id="no-such-backend"
        ),
        pytest.param('{"Network": "10.244.0.0"}', "Network", "line 1, column 13", id="no-cidr"),
    ],
)
def test_unreadable(text: str, field: str, place: str) -> None:
    """What flanneld would exit on is refused, with field, line and column."""
    (violation,) = violations(text)

    assert violation.field == f"data[net-conf.json].{field}"
    assert place in violation.message
    assert "flanneld exits on this" in violation.message


def test_the_owners_sample() -> None:
    """The sample to the letter gets the place, and what was meant."""
    text = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))["data"]["net-conf.json"]
    (violation,) = violations(text)

    assert violation.field == "data[net-conf.json].Backend.Directrouting"
    assert "(line 5, column 26)" in violation.message
    assert "默认没有这一项，开启后，同一网段直接用物理网络通信" in violation.message
    assert 'probably meant is "DirectRouting": true' in violation.message


@pytest.mark.parametrize("text", [GOOD, GOOD.upper().replace("VXLAN", "vxlan"), None])
def test_readable(text: str | None) -> None:
    """What flanneld reads, or what is not there at all, is no business of this check."""
    assert violations(text) == []


def test_a_pre_shared_key_is_not_repeated() -> None:
    """A refusal reaches audit logs, so the line is not shown where a secret may stand on it."""
    (violation,) = violations('{"Backend": {"Type": "ipsec", "psk": "hunter2",}}')

    assert "hunter2" not in violation.message
    assert "line 1, column 48" in violation.message


@pytest.mark.parametrize("key", ["pſk", "PS\u212a", "\\u0050SK", "p\\u017fk"])
def test_a_key_in_another_spelling_is_as_secret(key: str) -> None:
    """A key is folded and its escapes are read by flannel, and by who looks for secrets."""
    (violation,) = violations('{"Backend": {"Type": "vxlan", "' + key + '": "hunter2",}}')

    assert "hunter2" not in violation.message
