"""Interval sets obey the algebra of sets."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.netpol.intervals import (
    complement,
    contains,
    difference,
    intersection,
    ranges,
    union,
)
from webhook.netpol.ports import ALL_PORTS, conn_text, port_range

UNIVERSE = ((0, 30),)
intervals = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda pair: tuple(sorted(pair)))
)
sets = intervals.map(ranges)


def members(of):
    return {number for number in range(31) if contains(of, number)}


@given(intervals)
def test_canonical_form(found):
    """Intervals ascend, neither overlap nor touch, and hold what was put in."""
    result = ranges(found)

    assert all(one[1] + 1 < other[0] for one, other in pairwise(result))
    assert {n for low, high in found for n in range(low, high + 1)} == members(result)


@given(sets, sets)
def test_operations_are_those_of_sets(left, right):
    """Union, intersection, difference and complement agree with Python's sets."""
    ours, theirs = members(left), members(right)

    assert ours | theirs == members(union(left, right))
    assert ours & theirs == members(intersection(left, right))
    assert ours - theirs == members(difference(left, right))
    assert set(range(31)) - ours == members(complement(left, UNIVERSE))


@given(sets, sets)
def test_results_are_canonical(left, right):
    """Equal sets are equal tuples, whichever way they came about."""
    for result in (union(left, right), intersection(left, right), difference(left, right)):
        assert ranges(result) == result


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        pytest.param((), "No Connections", id="none"),
        pytest.param(ALL_PORTS, "All Connections", id="all"),
        pytest.param(port_range("TCP"), "TCP 1-65535", id="whole-protocol"),
        pytest.param(
            ranges(
                port_range("UDP", 53, 53)
                + port_range("TCP", 443, 443)
                + port_range("TCP", 80, 80)
                + port_range("SCTP")
            ),
            "SCTP 1-65535,TCP 80,443,UDP 53",
            id="protocols-in-alphabetical-order",
        ),
    ],
)
def test_text_of_ports(ports, expected):
    """Connections print as rows want them."""
    assert expected == conn_text(ports)
