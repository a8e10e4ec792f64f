"""Events are bounded for each object, and in all."""

from hypothesis import given
from hypothesis import strategies as st

from webhook.cluster import event_limits
from webhook.cluster.event_limits import BURST, OBJECT_BURST, OBJECT_RATE, RATE, EventLimits
from webhook.interfaces import ObjectReference


class World:
    """Limits on a clock set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.limits = EventLimits(lambda: self.now)

    def admitted(self, times: int, name: str = "a") -> int:
        """Of so many Events about an object, those that may be written."""
        about = ObjectReference("v1", "ConfigMap", "shop", name)
        return sum(self.limits.admit(about) for _ in range(times))


def test_one_object_gets_a_burst_and_then_one_in_five_minutes() -> None:
    """As client-go's spam filter has it."""
    world = World()

    assert world.admitted(1000) == OBJECT_BURST
    world.now += 299
    assert world.admitted(10) == 0
    world.now += 2
    assert world.admitted(10) == 1


def test_many_objects_share_a_bound() -> None:
    """Who makes an object for each request gets no further."""
    world = World()

    assert BURST == sum(world.admitted(1, f"object-{n}") for n in range(5000))
    world.now += 10
    assert 10 * RATE == sum(world.admitted(1, f"other-{n}") for n in range(5000))


def test_a_refused_event_costs_nobody_anything() -> None:
    """An object that is over its own bound takes no token from the others."""
    world = World()
    world.admitted(1000)

    assert BURST - OBJECT_BURST == sum(world.admitted(1, f"object-{n}") for n in range(5000))


def test_only_so_many_objects_are_remembered(monkeypatch) -> None:
    """Memory is bounded as well."""
    monkeypatch.setattr(event_limits, "REMEMBERED", 20)
    world = World()
    for n in range(1000):
        world.admitted(1, f"object-{n}")

    assert len(world.limits._objects) == 20


@given(st.lists(st.tuples(st.floats(0, 1000), st.sampled_from("abc")), max_size=200))
def test_no_order_of_events_gets_past_the_bounds(steps) -> None:
    """Never more than burst plus rate times time, of one object or of all."""
    world = World()
    got = dict.fromkeys("abc", 0)
    for pause, name in steps:
        world.now += pause
        got[name] += world.admitted(3, name)

    assert sum(got.values()) <= BURST + RATE * world.now + 1
    assert all(n <= OBJECT_BURST + OBJECT_RATE * world.now + 1 for n in got.values())
