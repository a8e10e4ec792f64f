"""Selectors for Hypothesis, and every label set that they can tell apart, one by one."""

from itertools import product

from hypothesis import strategies as st

from webhook.netpol.labels import Operator, Requirement, Selector

KEYS = ("app", "env", "tier")
VALUES = ("a", "b")
OTHER = "zzz"
"""A value that no selector names."""

requirements = st.one_of(
    st.builds(
        Requirement,
        st.sampled_from(KEYS),
        st.sampled_from((Operator.IN, Operator.NOT_IN)),
        st.sets(st.sampled_from(VALUES), min_size=1).map(lambda found: tuple(sorted(found))),
    ),
    st.builds(
        Requirement,
        st.sampled_from(KEYS),
        st.sampled_from((Operator.EXISTS, Operator.DOES_NOT_EXIST)),
    ),
)
selectors = st.lists(requirements, max_size=3).map(
    lambda found: Selector(tuple(sorted(dict.fromkeys(found))))
)


def label_sets(keys=KEYS):
    """Every label set of those keys: per key a named value, another one, or none."""
    for choice in product((*VALUES, OTHER, None), repeat=len(keys)):
        yield {key: value for key, value in zip(keys, choice, strict=True) if value is not None}
