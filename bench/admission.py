"""Measure Portcullis beside a do-nothing Go webhook: ``make bench``.

Reviews of a NetworkPolicy UPDATE go over kept-alive TLS connections to each server in turn, round
by round, so that a busy minute of the machine falls on all of them alike: what counts are ratios
within one run. Prints a Markdown table; ``--write docs/performance.md`` puts it there.
"""

import argparse
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

BENCH = Path(__file__).resolve().parent
sys.path.insert(0, str(BENCH.parent))

import servers  # noqa: E402 - beside this file
import workload  # noqa: E402 - beside this file

from tests.controlplane.toolchain import Toolchain, find_toolchain  # noqa: E402 - path set above

CACHE = Path("~/.cache/portcullis").expanduser()
CONNECTIONS = (1, 8, 32)
STARTERS = {
    "go": servers.go,
    "portcullis": servers.portcullis,
    "front": servers.front,
    "bare": servers.bare,
    "flask": servers.flask,
}
BASE, OURS = "go", "portcullis"
GOAL_CONNECTIONS, GOAL_RATE, GOAL_P99 = 8, 0.30, 3.0
COLUMNS = (
    *("server", "connections", "reviews/s", "p50 ms", "p99 ms", "rate ÷ Go", "p99 ÷ Go"),
    *("CPU µs/review", "RSS", "PSS"),
)
BEGIN, END = "<!-- measured: {} -->", "<!-- end -->"


@dataclass(frozen=True)
class Sample:
    """One measurement: reviews per second, milliseconds to the answer, server CPU per review.

    The last, in microseconds, is the one figure that a busy machine hardly changes.
    """

    rate: float
    p50: float
    p99: float
    cpu: float


@dataclass
class Series:
    """What was measured of one server: samples by number of connections, round by round."""

    name: str
    samples: dict[int, list[Sample]] = field(default_factory=dict)
    memory: servers.Memory | None = None

    def median(self, connections: int) -> Sample:
        """The median of each figure."""
        found = self.samples[connections]
        return Sample(
            statistics.median(s.rate for s in found),
            statistics.median(s.p50 for s in found),
            statistics.median(s.p99 for s in found),
            statistics.median(s.cpu for s in found),
        )

    def ratio(self, base: "Series", connections: int) -> Sample:
        """The median of each figure's ratio to the base's in the same round."""
        pairs = list(zip(self.samples[connections], base.samples[connections], strict=True))
        return Sample(
            statistics.median(s.rate / b.rate for s, b in pairs),
            statistics.median(s.p50 / b.p50 for s, b in pairs),
            statistics.median(s.p99 / b.p99 for s, b in pairs),
            statistics.median(s.cpu / b.cpu for s, b in pairs),
        )


def build(cache: Path, names: Sequence[str]) -> dict[str, Path]:
    """Build Go programs of the benches, once for each state of their source."""
    toolchain = find_toolchain(BENCH, CACHE / "controlplane")
    version = ".".join(map(str, toolchain.version))
    sources = [BENCH / "go.mod", BENCH / "go.sum", *sorted(BENCH.glob("*/*.go"))]
    content = version.encode() + b"".join(path.read_bytes() for path in sources)
    folder = cache / hashlib.sha256(content).hexdigest()[:16]
    return {name: _built(name, folder, toolchain) for name in names}


def _built(name: str, folder: Path, toolchain: Toolchain) -> Path:
    binary = folder / name
    if not binary.exists():
        say(f"building bench/{name} (under a minute, once)")
        command = [str(toolchain.go), "build", "-o", str(binary), f"./{name}"]
        subprocess.run(command, cwd=BENCH, env=toolchain.environment(), check=True)
    return binary


def measure(load: Sequence[str], server: servers.Server, connections: int) -> Sample:
    """Let the load generator run once."""
    command = [
        *(*load, f"--address={server.address}", f"--ca={server.ca}"),
        *(f"--uid={workload.UID}", f"--connections={connections}"),
    ]
    before = servers.cpu_seconds(server.pid)
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    spent = servers.cpu_seconds(server.pid) - before
    result = json.loads(done.stdout)
    cpu = spent / result["total"] * 1e6
    return Sample(result["rate"], result["p50_ms"], result["p99_ms"], cpu)


def run(options: argparse.Namespace, folder: Path) -> dict[str, Series]:
    """Start every server, measure them in turn, weigh them."""
    binaries = build(CACHE / "bench", ["load", "noop"])
    review = folder / "review.json"
    review.write_bytes(workload.body())
    place = servers.Place(folder, binaries["noop"], "0" if options.pin else None, options.gunicorn)
    load = servers.pinned(
        "1" if options.pin else None,
        [str(binaries["load"]), f"--body={review}", f"--duration={options.seconds}s"],
    )
    with ExitStack() as stack:
        running = {key: stack.enter_context(STARTERS[key](place)) for key in options.servers}
        series = {key: Series(server.name) for key, server in running.items()}
        for number in range(1, options.rounds + 1):
            for connections in options.connections:
                say(f"round {number} of {options.rounds}, {connections} connections")
                for key, server in running.items():
                    sample = measure(load, server, connections)
                    series[key].samples.setdefault(connections, []).append(sample)
        for key, server in running.items():
            series[key].memory = servers.memory(server.pid)
    return series


def table(series: dict[str, Series]) -> list[str]:
    """The Markdown table."""
    base = series.get(BASE)
    lines = [f"| {' | '.join(COLUMNS)} |", f"|---|{'--:|' * (len(COLUMNS) - 1)}"]
    return lines + [_row(one, count, base) for one in series.values() for count in one.samples]


def _row(one: Series, connections: int, base: Series | None) -> str:
    median, memory = one.median(connections), one.memory
    ratio = one.ratio(base, connections) if base else None
    cells = [
        one.name,
        str(connections),
        f"{median.rate:,.0f}",
        f"{median.p50:.2f}",
        f"{median.p99:.1f}",
        f"{ratio.rate:.2f}" if ratio else "",
        f"{ratio.p99:.1f}" if ratio else "",
        f"{median.cpu:.0f}",
        f"{memory.rss:.0f} MiB" if memory else "",
        f"{memory.pss:.0f} MiB" if memory else "",
    ]
    return f"| {' | '.join(cells)} |"


def verdict(series: dict[str, Series]) -> list[str]:
    """Whether the goals were reached."""
    if not {BASE, OURS} <= series.keys() or GOAL_CONNECTIONS not in series[OURS].samples:
        return []
    ratio = series[OURS].ratio(series[BASE], GOAL_CONNECTIONS)
    rates = [
        ours.rate / base.rate
        for ours, base in zip(
            series[OURS].samples[GOAL_CONNECTIONS],
            series[BASE].samples[GOAL_CONNECTIONS],
            strict=True,
        )
    ]
    rate = f"**{ratio.rate:.2f}** (rounds {min(rates):.2f} to {max(rates):.2f})"
    return [
        f"Goals at {GOAL_CONNECTIONS} connections:",
        f"rate at least {GOAL_RATE:.2f} of Go's: {rate};",
        f"p99 at most {GOAL_P99:.0f} times Go's: **{ratio.p99:.1f}**.",
    ]


def setting(options: argparse.Namespace) -> list[str]:
    """Under which circumstances it was measured."""
    cpus = os.cpu_count()
    where = "server on CPU 0, load on CPU 1" if options.pin else "servers and load on all of them"
    threads = f"{servers.WORKERS} workers of {servers.THREADS} threads"
    return [
        f"{datetime.now(UTC):%Y-%m-%d}, {_processor()}, {cpus} CPUs, {where};",
        f"Python {platform.python_version()}, {threads};",
        f"a review is {len(workload.body()):,} bytes; median of {options.rounds} rounds of",
        f"{options.seconds} s, interleaved; load average {os.getloadavg()[1]:.1f}.",
    ]


def when() -> list[str]:
    """The day, the machine and how busy it is with other things."""
    today, load = datetime.now(UTC), os.getloadavg()[1]
    return [
        f"{today:%Y-%m-%d}, {_processor()}, {os.cpu_count()} CPUs for all; load average {load:.1f}."
    ]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def replace_section(document: Path, name: str, lines: Sequence[str]) -> None:
    """Put the lines between the marks of a document's section."""
    text = document.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN.format(name))
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{document}: the marks of section {name} are missing")
    document.write_text("\n".join([head + begin, *lines, end + tail]), encoding="utf-8")


def say(line: str) -> None:
    """Report progress."""
    print(f"bench: {line}", file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--connections", type=int, nargs="+", default=CONNECTIONS)
    parser.add_argument("--servers", nargs="+", choices=STARTERS, default=list(STARTERS))
    parser.add_argument("--pin", action="store_true", help="server on CPU 0, load on CPU 1")
    parser.add_argument("--gunicorn", default="", help="further arguments for our gunicorn")
    parser.add_argument("--write", type=Path, help="document whose marked section is replaced")
    return parser.parse_args()


def main() -> None:
    """Measure, and print."""
    options = arguments()
    servers.as_in_the_image()
    with tempfile.TemporaryDirectory(prefix="portcullis-bench-") as folder:
        series = run(options, Path(folder))
    lines = [*setting(options), "", *table(series), "", *verdict(series)]
    print("\n".join(lines))
    if options.write:
        replace_section(options.write, "review", lines)


if __name__ == "__main__":
    main()
