"""What net-conf.json keeps secret is in no answer: refusals stand in audit logs."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict

from tests.admission.test_flannel_fuzz import answer
from tests.reviews import body, config_map

SECRET = "q7Zx" * 24
KEY = "Vm9sbEdlaGVpbVZvbGxHZWhlaW1Wb2xsR2VoZWltMTI="
VXLAN = '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}'
BACKENDS = {
    "ipsec": {"Type": "ipsec", "PSK": SECRET, "UDPEncap": False},
    "wireguard": {"Type": "wireguard", "PSK": KEY, "Mode": "auto"},
    "tencent-vpc": {"Type": "tencent-vpc", "AccessKeyID": "AKID", "AccessKeySecret": SECRET},
}


def text(name: str, indent: int | None = None) -> str:
    return json.dumps({"Network": "10.244.0.0/16", "Backend": BACKENDS[name]}, indent=indent)


def told(new: str, old: str | None = None) -> str:
    """All that an answer says, and what of the secret would be found in it if anything were."""
    sides = config_map(new), None if old is None else config_map(old)
    response = answer(body("CREATE" if old is None else "UPDATE", *sides))
    return json.dumps(asdict(response), default=str)


def parts(secret: str) -> list[str]:
    return [secret[i : i + 8] for i in range(0, len(secret) - 8, 4)]


def leaks(answered: str) -> list[str]:
    return [part for secret in (SECRET, KEY) for part in parts(secret) if part in answered]


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param('": "', '": ', id="no-opening-quote"),
        pytest.param('": "', '" "', id="no-colon"),
        pytest.param('": "', ': "', id="key-not-closed"),
        pytest.param('{"Type"', '[{"Type"', id="backend-is-a-list"),
        pytest.param("K", "KK", id="key-misspelt"),
        pytest.param("PSK", "Psk ", id="key-with-a-blank"),
        pytest.param("q7", 'q7" ', id="quote-within"),
        pytest.param("q7", "q7\\", id="backslash-within"),
        pytest.param('"Type"', '"type" "', id="type-broken"),
    ],
)
def test_a_slip_beside_a_secret(name: str, before: str, after: str) -> None:
    """Whatever stands where, the answer tells line and column and does not quote."""
    for start in (0, text(name).index("Secret" if "tencent" in name else "PSK") - 1):
        whole = text(name)
        slipped = whole[:start] + whole[start:].replace(before, after, 1)

        assert leaks(told(slipped)) == []


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(BACKENDS)),
    st.sampled_from([None, 2]),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from(["", *'"{}[],:x1 \n\\', "/*"]),
    st.integers(0, 2),
    st.sampled_from([None, VXLAN, *map(text, BACKENDS)]),
)
def test_no_slip_brings_it_out(name, indent, place, added, dropped, old) -> None:
    """One sign more, one or two less, anywhere, in place of whatever configuration."""
    whole = text(name, indent)
    at = int(place * len(whole))

    assert leaks(told(whole[:at] + added + whole[at + dropped :], old)) == []


@pytest.mark.parametrize("name", BACKENDS)
def test_no_change_brings_it_out(name: str) -> None:
    """A key that is changed, added or taken away is shown as hidden."""
    other = text(name).replace(SECRET, SECRET[::-1]).replace(KEY, KEY.replace("V", "W"))
    for new, old in [(VXLAN, text(name)), (text(name), VXLAN), (other, text(name))]:
        answered = told(new, old)

        assert leaks(answered) == []
        assert SECRET[::-1] not in answered
        assert KEY.replace("V", "W") not in answered
