"""The measure of what is covered, against counting one by one."""

from hypothesis import given, settings
from hypothesis import strategies as st

from webhook.protection.measure import Covered

intervals = st.tuples(st.integers(0, 30), st.integers(0, 12)).map(lambda at: (at[0], at[0] + at[1]))


@settings(deadline=None)
@given(st.lists(intervals, max_size=12), st.data())
def test_it_counts_what_one_by_one_is_covered(given_, data):
    """While intervals come and go, in any order and more than once."""
    covered, present = Covered(given_), []
    assert covered.size == 0
    for _ in range(data.draw(st.integers(0, 20)) if given_ else 0):
        if present and data.draw(st.booleans()):
            gone = present.pop(data.draw(st.integers(0, len(present) - 1)))
            covered.add(gone, -1)
        else:
            present.append(data.draw(st.sampled_from(given_)))
            covered.add(present[-1])

        assert covered.size == len({at for low, high in present for at in range(low, high + 1)})
