"""Requests by address, as a queue that nobody can fill for the others."""

from hypothesis import given
from hypothesis import strategies as st

from webhook.server.queueing import FairQueue

ITEMS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=30)


def filled(items) -> FairQueue:
    queue: FairQueue = FairQueue(lambda item: item[0])
    for item in items:
        queue.push(item)
    return queue


def drained(queue: FairQueue) -> list:
    return [queue.pop() for _ in range(len(queue))]


@given(ITEMS)
def test_every_item_comes_once_and_in_the_order_of_its_line(items) -> None:
    """Turns change nothing within a line."""
    out = drained(filled(items))

    assert {key: [it for it in out if it[0] == key] for key in "abc"} == {
        key: [it for it in items if it[0] == key] for key in "abc"
    }


@given(ITEMS)
def test_nobody_waits_for_more_than_one_of_each_other_line(items) -> None:
    """An item is as late as its place in its line times the lines, however long the others are."""
    out = drained(filled(items))
    place = {"a": 0, "b": 0, "c": 0}
    for position, (key, _) in enumerate(out):
        assert position < 3 * (place[key] + 1)
        place[key] += 1


@given(ITEMS, st.sampled_from("abcd"))
def test_who_is_displaced(items, key) -> None:
    """The newest of the longest line, unless that is the newcomer's; the length stays."""
    queue, newcomer = filled(items), (key, -1)
    lengths = {name: sum(it[0] == name for it in items) for name in "abcd"}
    gone = queue.displace(newcomer)

    assert len(queue) == len(items)
    assert (gone == newcomer) == (lengths[key] + 1 >= max(lengths.values()))
    assert gone == newcomer or lengths[gone[0]] == max(lengths.values())
    assert sorted([*drained(queue), gone]) == sorted([*items, newcomer])


@given(ITEMS, st.integers(0, 9))
def test_what_is_removed(items, number) -> None:
    """Exactly that of which it holds."""
    queue = filled(items)
    queue.remove(lambda item: item[1] == number)

    assert sorted(drained(queue)) == sorted(item for item in items if item[1] != number)
