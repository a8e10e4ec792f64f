"""How long the core takes: a review of a net-conf.json change, and 10 MiB of hostile JSON.

Run from the repository's root: `python -m bench.netconf`. Budgets: a review under 1 ms at p99,
a hostile text answered within 200 ms.
"""

import statistics
import time
from collections.abc import Callable

from webhook.netconf import Context, NetConfError, changes, parse, warnings, worst

OLD = b'{\n  "Network": "10.244.0.0/16",\n  "Backend": {\n    "Type": "vxlan"\n  }\n}\n'
NEW = OLD.replace(b'"vxlan"', b'"vxlan", "DirectRouting": true, "MTU": 1400')
NODES = Context(pod_cidrs=tuple((f"10.244.{n}.0/24",) for n in range(100)))
SIZE = 10 << 20
ROUNDS = 5_000

HOSTILE: dict[str, Callable[[], bytes]] = {
    "deep arrays": lambda: b"[" * SIZE,
    "deep objects": lambda: b'{"a":' * (SIZE // 5),
    "long string": lambda: b'{"a":"' + b"x" * SIZE + b'"}',
    "open string": lambda: b'{"a":"' + b"x" * SIZE,
    "escapes": lambda: b'{"a":"' + b"\\n" * (SIZE // 2) + b'"}',
    "blanks": lambda: b" " * SIZE + b"{}",
    "lines": lambda: b"\n" * SIZE + b"x",
    "digits": lambda: b'{"Backend":{"Type":"vxlan","VNI":' + b"1" * SIZE + b"}}",
    "many keys": lambda: b"{" + b'"a":1,' * (SIZE // 6) + b'"b":1}',
    "many objects": lambda: b'{"x":{' + b'"a":{},' * (SIZE // 7) + b'"b":1}}',
    "many numbers": lambda: b'{"x":[' + b"1," * (SIZE // 2) + b"1]}",
    "nested arrays": lambda: b'{"x":[' + b"[[[1]]]," * (SIZE // 8) + b"1]}",
    "one key": lambda: b"{" + b'"Network":"10.0.0.0/8",' * (SIZE // 23) + b'"b":1}',
    "long address": lambda: b'{"IPv6Network":"::/' + b"0" * SIZE + b'1"}',
    "long type": lambda: b'{"Backend":{"Type":"' + b"x" * SIZE + b'"}}',
    "remark at the end": lambda: b'{"a":"' + b"x" * SIZE + b'" // x\n}',
}


def review() -> None:
    """One review in the core: both texts read, the change rated, remarks made."""
    old, new = parse(OLD), parse(NEW)
    worst(changes(old, new, NODES))
    warnings(new)


def milliseconds(work: Callable[[], object]) -> float:
    """The time of one call."""
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def answer(data: bytes) -> str:
    """Read a text and make the whole message of what is wrong."""
    try:
        parse(data)
    except NetConfError as error:
        error.caret()
        return str(error)
    return "read"


def main() -> None:
    """Print the times."""
    times = sorted(milliseconds(review) for _ in range(ROUNDS))
    p50, p99 = statistics.median(times), times[int(len(times) * 0.99)]
    print(f"review of a change, 100 nodes: p50 {p50:.3f} ms, p99 {p99:.3f} ms")
    for name, make in HOSTILE.items():
        data = make()
        took = min(milliseconds(lambda data=data: answer(data)) for _ in range(3))
        print(f"10 MiB, {name:18} {took:6.1f} ms  {answer(data)[:90]}")


if __name__ == "__main__":
    main()
