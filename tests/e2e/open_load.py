"""Writes of NetworkPolicies at a constant rate, whatever becomes of them: an open loop.

Run as a process of its own, `python -m tests.e2e.open_load`, so that neither the interpreter lock
of a test nor a slow answer delays the next write. A closed loop would send fewer requests the
longer they take, and so hide an outage (coordinated omission).
"""

import asyncio
import base64
import json
import ssl
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

import aiohttp  # comes with the kubernetes client
import yaml

GROUP = "/apis/networking.k8s.io/v1/namespaces"
PATIENCE = aiohttp.ClientTimeout(total=60)
"""Longer than any request may take in the API server: it gives up before we do."""


@dataclass(frozen=True)
class Order:
    """What is to be sent.

    Args:
        kubeconfig: as whom.
        namespaces: sealed ones, in which every write of a policy is reviewed, failurePolicy Fail.
        objects: policies that come and go in each of them.
        rate: writes a second.
        out: where to note each write as a line of JSON.
    """

    kubeconfig: str
    namespaces: list[str]
    out: str
    objects: int = 40
    rate: float = 100.0


@dataclass
class Written:
    """One write.

    Args:
        due: when it was to be sent, monotonic seconds of the machine.
        late: by how much it was sent later.
        seconds: until its answer.
        verb: of HTTP.
        status: of HTTP; 0 where there was no answer.
        error: the Status's message, or what became of the connection.
        warned: warnings that came with it.
    """

    due: float
    late: float = 0.0
    seconds: float = 0.0
    verb: str = ""
    status: int = 0
    error: str = ""
    warned: int = 0

    @property
    def answered(self) -> float:
        """When it was, monotonic seconds of the machine."""
        return self.due + self.late + self.seconds


@dataclass
class Policy:
    """One policy of ours: it is created, changed, changed, deleted, and so on.

    Args:
        step: of its life; the next write follows from it.
        unsure: the outcome of its last write is not known, for the answer was lost.
    """

    namespace: str
    name: str
    step: int = 0
    unsure: bool = field(default=False)

    VERBS = ("POST", "PUT", "PUT", "DELETE")

    @property
    def verb(self) -> str:
        return self.VERBS[self.step % len(self.VERBS)]

    @property
    def path(self) -> str:
        collection = f"{GROUP}/{self.namespace}/networkpolicies"
        return collection if self.verb == "POST" else f"{collection}/{self.name}"

    def body(self) -> dict[str, Any] | None:
        if self.verb == "DELETE":
            return None
        peer = {"podSelector": {"matchLabels": {"app": self.name}}}
        ports = [{"protocol": "TCP", "port": 8000 + self.step % 100}]
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": {
                "podSelector": {"matchLabels": {"app": "web"}},
                "policyTypes": ["Ingress"],
                "ingress": [{"from": [peer], "ports": ports}],
            },
        }

    def settle(self, written: Written) -> None:
        """Go on after an answer; after a lost one, what the next answer tells was its outcome.

        A 409 says that a lost POST was carried out, a 404 that a lost DELETE was: neither is an
        error of that write.
        """
        told = self.unsure and (self.verb, written.status) in {("POST", 409), ("DELETE", 404)}
        if told:
            written.error = ""
        if told or 200 <= written.status < 300:
            self.step += 1
        self.unsure = written.status == 0 or (self.unsure and bool(written.error))


class Load:
    """Sends on time; a policy that is under way is not written a second time."""

    def __init__(self, order: Order, session: aiohttp.ClientSession, out: TextIO) -> None:
        self._session = session
        self._out = out
        self._pause = 1 / order.rate
        numbers = range(order.objects)
        self._idle = deque(
            Policy(namespace, f"soak-{number}")
            for number in numbers
            for namespace in order.namespaces
        )
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        due = time.monotonic()
        while not stop.is_set():
            due += self._pause
            await asyncio.sleep(max(0, due - time.monotonic()))
            if not self._idle:
                self._note(Written(due, error="not sent: every policy is under way"))
                continue
            task = asyncio.create_task(self._write(self._idle.popleft(), due))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        await asyncio.gather(*self._under_way)

    async def _write(self, policy: Policy, due: float) -> None:
        began = time.monotonic()
        written = Written(due, late=began - due, verb=policy.verb)
        try:
            async with self._session.request(
                policy.verb, policy.path, json=policy.body()
            ) as answer:
                text = await answer.text()
                written.status = answer.status
                written.warned = len(answer.headers.getall("Warning", ()))
                if not answer.ok:
                    written.error = _message(text)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            written.error = f"client: {type(error).__name__}: {error}"
        written.seconds = time.monotonic() - began
        policy.settle(written)
        self._idle.append(policy)
        self._note(written)

    def _note(self, written: Written) -> None:
        print(json.dumps(asdict(written)), file=self._out)


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:500]


def _connection(kubeconfig: str) -> tuple[str, ssl.SSLContext]:
    """The API server's URL, and how to reach it."""
    config = yaml.safe_load(Path(kubeconfig).read_text())
    cluster = config["clusters"][0]["cluster"]
    return cluster["server"], _context(cluster, config["users"][0]["user"], Path(kubeconfig))


def _context(cluster: dict[str, str], user: dict[str, str], beside: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(
        cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
    )
    pair = beside.with_suffix(".pem")
    parts = ("client-certificate-data", "client-key-data")
    pair.touch(mode=0o600)
    pair.write_bytes(b"\n".join(base64.b64decode(user[part]) for part in parts))
    context.load_cert_chain(pair)
    return context


async def send(order: Order, out: TextIO) -> None:
    """Send until stdin is closed."""
    server, context = _connection(order.kubeconfig)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.run_in_executor(None, lambda: (sys.stdin.read(), loop.call_soon_threadsafe(stop.set)))
    connector = aiohttp.TCPConnector(limit=0, ssl=context)
    async with aiohttp.ClientSession(server, connector=connector, timeout=PATIENCE) as session:
        await Load(order, session, out).run(stop)


def main() -> None:
    """Send what the first argument orders."""
    order = Order(**json.loads(sys.argv[1]))
    with Path(order.out).open("w", buffering=1) as out:
        asyncio.run(send(order, out))


if __name__ == "__main__":
    main()
