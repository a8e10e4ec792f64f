"""What holds for every text: no crash, no false change, linear work."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.netconf.adversary import adversarial
from tests.netconf.texts import configurations, mutations
from webhook.netconf import NetConfError, changes, judge, parse, warnings, windows_limits
from webhook.netconf.scan import MAX_STEPS, SyntaxFault, scan

JSON_BITS = st.lists(
    st.sampled_from(
        [
            *'{}[],:"\\ \n-x\ufeff',
            '"a"',
            '"Backend"',
            '"Network"',
            '"10.0.0.0/8"',
            "null",
            "1",
            "1e5",
        ]
    )
).map("".join)
VXLAN_KEYS = {"VNI": 1, "Port": 8472, "GBP": False, "Learning": False, "DirectRouting": False}
TOP_KEYS = {"EnableIPv4": True, "EnableIPv6": False, "EnableNFTables": False, "SubnetLen": 0}


def survives(text):
    """Parse, judge and advise; only a NetConfError may come of it, and its message is whole."""
    verdict = judge(text)
    try:
        netconf = parse(text)
    except NetConfError as error:
        assert not verdict.ok
        assert str(error).isprintable()
        assert error.line >= 1
        assert error.caret().endswith("^")
        return
    assert verdict.ok
    assert () == changes(netconf, netconf)
    assert all(str(entry).isprintable() for entry in warnings(netconf))
    windows_limits(netconf)


@given(st.one_of(st.text(), st.binary(), JSON_BITS))
def test_nothing_else_is_raised(text):
    """Any text and any bytes are read, or refused with a NetConfError."""
    survives(text)


def test_seeded_mutations():
    """Five thousand texts with slips in them are read or refused."""
    for text in mutations(seed=20_261_124, count=5_000):
        survives(text)


@pytest.mark.slow
def test_many_seeded_mutations():
    """A hundred thousand texts with slips, and configurations at the edges, are survived."""
    for text in mutations(seed=4, count=100_000):
        survives(text)
    for text in configurations(seed=5, count=50_000):
        survives(text)
    for text in adversarial(seed=6, count=20_000):
        survives(text)


@st.composite
def spellings(draw):
    """A configuration spelt in any case, order and spacing, defaults written out or not."""
    backend = {"Type": "vxlan"} | draw(_some(VXLAN_KEYS))
    top = {"Network": "10.244.0.0/16", "Backend": _respelt(draw, backend)}
    separators = draw(st.sampled_from([(",", ":"), (" ,\r\n", "\t: ")]))
    return json.dumps(_respelt(draw, top | draw(_some(TOP_KEYS))), separators=separators)


def _some(keys):
    return st.sets(st.sampled_from(sorted(keys))).map(lambda names: {n: keys[n] for n in names})


def _respelt(draw, keys):
    order = draw(st.permutations(sorted(keys)))
    case = st.sampled_from([str, str.upper, str.lower, str.swapcase])
    return {draw(case)(key): keys[key] for key in order}


@given(spellings(), spellings())
def test_spelling_is_no_change(left, right):
    """Blanks, order, case and explicit defaults are no change, either way."""
    assert () == changes(parse(left), parse(right))
    assert parse(left).config == parse(right).config


def steps(data):
    try:
        return scan(data).steps
    except SyntaxFault as fault:
        return fault.offset


SHAPES = [
    pytest.param(lambda n: b"[" * n, id="deep"),
    pytest.param(lambda n: b'{"x":{' + b'"a":{},' * n + b'"b":1}}', id="objects"),
    pytest.param(lambda n: b'{"x":[' + b"[[[1]]]," * n + b"1]}", id="nested"),
    pytest.param(lambda n: b"{" + b'"a":1,' * n + b'"b":1}', id="members"),
    pytest.param(lambda n: b'{"x":"' + b"\\n" * n + b'"}', id="escapes"),
    pytest.param(lambda n: b" " * n + b"{}", id="blanks"),
    pytest.param(lambda n: b'{"a":' + b"1" * n + b"}", id="digits"),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_work_is_linear(shape):
    """Ten times the text takes at most ten times the scanner's steps, and a few."""
    assert steps(shape(10_000)) <= 10 * steps(shape(1_000)) + 100


@pytest.mark.parametrize("shape", SHAPES)
def test_work_is_bounded(shape):
    """A text of megabytes takes a bounded number of steps, whatever it holds."""
    data = shape(2_000_000)
    try:
        assert scan(data).steps <= MAX_STEPS
    except SyntaxFault as fault:
        assert fault.offset < len(data)


@settings(max_examples=50)
@given(st.integers(min_value=-(2**70), max_value=2**70))
def test_integers(number):
    """A vxlan port is any 64-bit integer, and nothing beyond."""
    text = f'{{"Backend":{{"Type":"vxlan","Port":{number}}}}}'

    assert judge(text).ok is (-(2**63) <= number < 2**63)
