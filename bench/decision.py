"""Time the decision alone: a NetworkPolicy review from bytes to bytes, all checks on.

No TLS, no HTTP, no second process: what is left of a review when the server costs nothing. Each
step is timed by its thread's CPU, the fastest of many rounds, and told as a multiple of a fixed
piece of Python too, since absolute figures drift with the machine. ``--profile`` tells functions.
"""

import argparse
import cProfile
import pstats
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

BENCH = Path(__file__).resolve().parent
sys.path.insert(0, str(BENCH.parent))

import snapshot  # noqa: E402 - beside this file
import workload  # noqa: E402 - beside this file
from prometheus_client import CollectorRegistry  # noqa: E402 - as all that follows

from webhook import bootstrap, settings  # noqa: E402 - path set above
from webhook.admission import Admission  # noqa: E402
from webhook.deadline import Deadline  # noqa: E402
from webhook.manifests import read_manifests  # noqa: E402
from webhook.metrics import PrometheusRecorder  # noqa: E402
from webhook.model.review import decode_review, encode_review  # noqa: E402
from webhook.snapshot import SnapshotCluster  # noqa: E402

T = TypeVar("T")

SECONDS = 10.0


def admission(folder: Path) -> Admission:
    """Admission over the bench's snapshot, as the server puts it together."""
    environment = settings.load()
    manifests = read_manifests([str(snapshot.write(folder / "cluster"))])
    identity = environment.identity
    cluster = SnapshotCluster(
        (manifest.value for manifest in manifests), (identity.namespace, identity.installation)
    )
    return bootstrap.admission(environment, PrometheusRecorder(CollectorRegistry()), cluster)


def reviews(count: int, body: bytes | None = None) -> list[bytes]:
    """Reviews of which no two change the policy alike; an edit's, unless another body is given."""
    body, uid = body or workload.body(), workload.UID.encode()
    return [body.replace(uid, b"%036d" % number) for number in range(count)]


def answer(judge: Admission, body: bytes) -> bytes:
    """Decide one review, as `webhook.server.endpoint` does."""
    attributes = decode_review(body)
    response = judge.validate(attributes, Deadline.after(SECONDS))
    return encode_review(attributes.uid, response)


def fastest(step: Callable[[T], object], items: Sequence[T], rounds: int) -> float:
    """Microseconds of CPU for an item, in the fastest of the rounds that the items make."""
    size = len(items) // rounds
    times = []
    for start in range(0, size * rounds, size):
        began = time.thread_time()
        for item in items[start : start + size]:
            step(item)
        times.append((time.thread_time() - began) / size)
    return min(times) * 1e6


def yardstick(_: object) -> None:
    """A fixed piece of Python: some hundred calls, tuples and dict entries."""
    known: dict[tuple[int, int], int] = {}
    for number in range(400):
        known[number, number + 1] = len(known)
        isinstance(number, int)


def measure(judge: Admission, rounds: int) -> dict[str, float]:
    """Time the steps; microseconds by their names."""
    bodies = reviews(rounds * 60)
    decoded = [decode_review(body) for body in reviews(rounds * 90)[rounds * 60 :]]
    deadline = Deadline.after(3600.0)
    answered = [(a.uid, judge.validate(a, deadline)) for a in decoded[: rounds * 5]]
    fresh = decoded[rounds * 5 :]
    return {
        "read the review": fastest(decode_review, bodies, rounds),
        "decide": fastest(lambda it: judge.validate(it, deadline), fresh, rounds),
        "write the answer": fastest(lambda it: encode_review(*it), answered, rounds),
        "all of it": fastest(lambda body: answer(judge, body), bodies, rounds),
        "all of a creation": fastest(
            lambda body: answer(judge, body), reviews(rounds * 30, workload.creation()), rounds
        ),
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--profile", action="store_true", help="print the costliest functions")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="portcullis-bench-") as folder:
        judge = admission(Path(folder))
        print(answer(judge, workload.body()).decode())
        unit = fastest(yardstick, range(options.rounds * 20), options.rounds)
        print(f"{'':<18}  CPU µs  yardsticks")
        for step, cost in measure(judge, options.rounds).items():
            print(f"{step:<18} {cost:7.1f}  {cost / unit:10.2f}")
        if options.profile:
            profiler = cProfile.Profile(time.thread_time)
            bodies = reviews(options.rounds * 150)[options.rounds * 100 :]
            profiler.runcall(lambda: [answer(judge, body) for body in bodies])
            pstats.Stats(profiler).sort_stats("cumulative").print_stats(80)


if __name__ == "__main__":
    main()
