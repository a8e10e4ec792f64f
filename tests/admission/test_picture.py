"""The picture of the cluster that advice is made from: how fresh, how dear, how shared."""

import logging
import threading
import traceback

import pytest

from tests.fakes.cluster import FakeCluster
from webhook import waiting
from webhook.admission.picture import FRESH_SECONDS, READ_SECONDS, STALE_FACTOR, Pictures
from webhook.deadline import Deadline
from webhook.errors import ClusterError, DeadlineError, TooManyError, UnavailableError
from webhook.model.objects import ObjectMeta
from webhook.model.pods import PodAddress, PodObject, PodState
from webhook.rationed import TRACEBACKS


class Clock:
    """Monotonic seconds that a test turns."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def pod(name, phase="Running"):
    """A Pod of namespace ``team``."""
    state = PodState(phase=phase, pod_ips=[PodAddress("10.0.0.7"), PodAddress("nonsense")])
    return PodObject(ObjectMeta(name=name, namespace="team"), status=state)


@pytest.fixture
def cluster():
    """A cluster with one pod."""
    fake = FakeCluster()
    fake.add_namespace("team")
    fake.pod_list.append(pod("one"))
    return fake


@pytest.fixture
def clock():
    """Not the machine's clock."""
    return Clock()


@pytest.fixture
def pictures(cluster, clock):
    """Pictures of at most three pods."""
    return Pictures(cluster, 3, clock)


def names(pictures):
    """The pods of the latest picture."""
    return [each.name for each in pictures.latest(Deadline.after(5)).pods]


def settled(pictures):
    """Wait until nothing is read any more."""
    while (reading := pictures._reading) is not None:
        reading.exception(5)


def test_a_picture_shows_the_pods_that_have_not_ended(cluster, pictures):
    """What has completed neither sends nor receives; an unreadable address is left out."""
    cluster.pod_list.append(pod("done", phase="Succeeded"))

    found = list(pictures.latest(Deadline.after(5)).pods)

    assert [each.key for each in found] == ["team/one"]
    assert found[0].addresses == ((4, 0x0A000007),)


def test_a_fresh_picture_is_shown_again(cluster, clock, pictures):
    """Reviews that follow one another cost the API server one reading."""
    names(pictures)
    settled(pictures)
    cluster.pod_list.append(pod("two"))
    clock.now += FRESH_SECONDS - 0.1

    assert names(pictures) == ["one"]


def test_a_stale_picture_is_shown_while_the_next_is_taken(cluster, clock, pictures):
    """Nobody waits for a reading while the last one is recent, and the next review sees it."""
    names(pictures)
    settled(pictures)
    cluster.pod_list.append(pod("two"))
    clock.now += FRESH_SECONDS + 0.1

    assert names(pictures) == ["one"]
    settled(pictures)
    assert names(pictures) == ["one", "two"]


def test_an_old_picture_is_not_shown(cluster, clock, pictures):
    """After a quiet hour the first review waits for the cluster as it is now."""
    names(pictures)
    settled(pictures)
    cluster.pod_list.append(pod("two"))
    clock.now += FRESH_SECONDS * STALE_FACTOR + 0.1

    assert names(pictures) == ["one", "two"]


def test_what_was_dear_to_read_serves_longer(cluster, clock, pictures):
    """A large cluster is read for a twentieth of the time, however many reviews come."""

    def slow():
        clock.now += 2.0

    cluster.before("pods", slow)
    names(pictures)
    settled(pictures)
    cluster.pod_list.append(pod("two"))
    clock.now += 39.0

    assert names(pictures) == ["one"]


def test_a_review_waits_no_longer_than_it_may(cluster, pictures):
    """The reading goes on for the reviews behind, however impatient the first one is."""
    gate = threading.Event()
    cluster.before("pods", lambda: gate.wait(READ_SECONDS))

    with pytest.raises(DeadlineError, match="still being read"):
        pictures.latest(Deadline.after(0.01))
    gate.set()

    assert names(pictures) == ["one"]


def test_many_reviews_make_one_reading(cluster, pictures):
    """A crowd that comes at once waits for the same picture."""
    gate = threading.Event()
    readings = []
    cluster.before("pods", lambda: readings.append(gate.wait(READ_SECONDS)))
    found = []
    crowd = [threading.Thread(target=lambda: found.append(names(pictures))) for _ in range(8)]
    for each in crowd:
        each.start()
    gate.set()
    for each in crowd:
        each.join()

    assert (found, len(readings)) == ([["one"]] * 8, 1)


def test_too_many_pods_are_told_for_a_while(cluster, pictures):
    """A cluster above the limit is not listed again by each review."""
    cluster.pod_list.extend(pod(f"more-{n}") for n in range(3))
    with pytest.raises(TooManyError):
        names(pictures)
    settled(pictures)
    del cluster.pod_list[1:]

    with pytest.raises(TooManyError):
        names(pictures)


def test_a_failure_is_over_soon(cluster, clock, pictures):
    """An API server that was away is asked again by the next review but one second."""
    cluster.fail("pods", UnavailableError("away"), times=1)
    with pytest.raises(UnavailableError):
        names(pictures)
    settled(pictures)
    clock.now += FRESH_SECONDS * STALE_FACTOR + 0.1

    assert names(pictures) == ["one"]


def test_a_failure_that_many_reviews_are_told_does_not_grow(cluster, pictures):
    """Each review has an error of its own: one for all would gather the frames of every raise."""
    cluster.fail("pods", UnavailableError("away"))
    found = []
    for _ in range(5):
        with pytest.raises(UnavailableError, match="away") as raised:
            names(pictures)
        found.append(raised.value)

    assert len(set(map(id, found))) == len(found)
    assert len({len(traceback.extract_tb(each.__traceback__)) for each in found}) == 1
    assert [each.__context__ for each in found] == [None] * len(found)


def test_whoever_waits_for_a_picture_tells_so(cluster, clock, pictures, monkeypatch):
    """It may be who looks after the sockets; for a picture at hand nobody waits."""
    told = []
    monkeypatch.setattr(waiting, "_listeners", [lambda: told.append(threading.get_ident())])
    gate = threading.Event()
    cluster.before("pods", lambda: gate.wait(READ_SECONDS))
    with pytest.raises(DeadlineError):
        pictures.latest(Deadline.after(0.01))
    gate.set()
    settled(pictures)

    assert names(pictures) == ["one"]
    assert told == [threading.get_ident()]


def test_a_bug_that_each_reading_meets_does_not_fill_the_log(cluster, clock, pictures, caplog):
    """It is met every second or so, in each worker: some tracebacks are enough."""

    def broken():
        raise KeyError("spec")

    cluster.before("pods", broken)
    for _ in range(3 * TRACEBACKS):
        with pytest.raises(ClusterError):
            names(pictures)
        settled(pictures)
        clock.now += FRESH_SECONDS * STALE_FACTOR + 0.1

    assert len([each for each in caplog.records if each.exc_info]) == TRACEBACKS


def test_what_nobody_foresaw_is_logged_once(cluster, pictures, caplog):
    """Its traceback stands where it happened; the reviews are told like any other failure."""

    def broken():
        raise KeyError("spec")

    cluster.before("pods", broken)
    for _ in range(3):
        with pytest.raises(ClusterError, match=r"could not be read: KeyError\('spec'\)"):
            names(pictures)

    (record,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert (record.exc_info or [None])[0] is KeyError
