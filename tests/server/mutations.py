"""Realistic AdmissionReviews of every guard, and what a hostile or broken client makes of them.

Everything comes from one `random.Random`: a seed gives the same requests again.
"""

import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests import reviews

JSON = Any
VXLAN = '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}'
DIRECT = '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan", "DirectRouting": true}}'


def _policy(name: str, **peer: JSON) -> JSON:
    ports = [{"protocol": "TCP", "port": 8080, "endPort": 8090}, {"port": "http"}]
    rule = {"from": [peer or {"podSelector": {}}], "ports": ports}
    expression = {"key": "app", "operator": "In", "values": ["web", "api"]}
    spec = {
        "podSelector": {"matchExpressions": [expression]},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [rule],
        "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]}],
    }
    annotations = {"portcullis.dev/override": "because"}
    return reviews.network_policy(name, labels={"a": "b"}, annotations=annotations, spec=spec)


def seeds() -> list[tuple[str, JSON]]:
    """Path and review, at least one for each guard and operation that it judges."""
    cut = reviews.config_map(VXLAN), reviews.config_map(DIRECT)
    ours = reviews.network_policy(
        "portcullis-deny-all",
        labels={"app.kubernetes.io/managed-by": "portcullis", "portcullis.dev/profile": "deny-all"},
    )
    web = _policy("web"), _policy("web", namespaceSelector={"matchLabels": {"team": "a"}})
    marked = reviews.namespace("new", {"portcullis.dev/profile": "deny-ingress"})
    pool = reviews.ip_pool(), reviews.ip_pool(ipipMode="Always", natOutgoing=True, blockSize=26)
    felix = reviews.felix_configuration(), reviews.felix_configuration(ipipEnabled=False)
    calico = reviews.calico_config(), reviews.calico_config(calico_backend="vxlan", veth_mtu="0")
    flannel = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "kube-flannel-ds", "namespace": "kube-flannel"},
        "spec": {"template": reviews.pod("x", "kube-flannel")},
    }
    made: list[tuple[str, JSON]] = []
    for old, new in (cut, web, pool, felix, calico):
        made += [
            ("/validate", reviews.review("CREATE", new)),
            ("/validate", reviews.review("UPDATE", new, old)),
            ("/validate", reviews.review("DELETE", None, old, name="")),
        ]
    made += [
        ("/validate", reviews.review("DELETE", None, ours)),
        (
            "/validate",
            reviews.review("UPDATE", reviews.network_policy("portcullis-deny-all"), ours),
        ),
        ("/validate", reviews.review("UPDATE", flannel, flannel)),
        ("/validate", reviews.review("DELETE", None, reviews.namespace("kube-flannel"))),
        ("/validate", reviews.review("UPDATE", marked, reviews.namespace("new"))),
        ("/mutate", reviews.review("CREATE", marked)),
        ("/mutate", reviews.review("CREATE", reviews.pod("web", "team-a"), dry_run=True)),
        ("/validate", reviews.review("CREATE", reviews.pod("web", "team-a"))),
    ]
    return made


SCALARS: list[JSON] = [
    *(None, True, False, 0, -1, 1.5, 1e308, 2**63, -(2**63) - 1, 10**40, "", " ", "\0", "\ud800"),
    *("a" * 300, "é" * 100, "\u202e", "0", "-", "*", "true", "null", "10.0.0.0/8", "::/0", "65536"),
    *([], {}, [[]], [None], {"": None}, {"a": {"b": ["c"]}}, "portcullis.dev/seal", "sealed"),
    *("2026-11-26T00:00:00Z", "In", "Exists", "UPDATE", "kube-system", DIRECT, VXLAN),
]
"""What is put in a place where something else belongs."""


def _places(value: JSON, found: list[tuple[JSON, Any]]) -> list[tuple[JSON, Any]]:
    """Every container with each of its keys."""
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        found.append((value, key))
        _places(value[key], found)
    return found


def _replace(random: Random, holder: JSON, key: Any) -> None:
    holder[key] = copy.deepcopy(random.choice(SCALARS))


def _remove(_random: Random, holder: JSON, key: Any) -> None:
    del holder[key]


def _swap(random: Random, holder: JSON, key: Any) -> None:
    """Put one part of the review where another stands."""
    other = random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    holder[key], holder[other] = holder[other], holder[key]


def _nest(random: Random, holder: JSON, key: Any) -> None:
    value = holder[key]
    for _ in range(random.choice((1, 5, 60))):
        value = [value] if random.random() < 0.5 else {"a": value}
    holder[key] = value


def _multiply(random: Random, holder: JSON, key: Any) -> None:
    value = holder[key]
    if isinstance(value, list):
        holder[key] = value * random.choice((2, 20))
    elif isinstance(value, str):
        holder[key] = value * random.choice((2, 50))
    elif isinstance(holder, dict):
        holder[str(key) + "x"] = copy.deepcopy(value)


def _respell(random: Random, holder: JSON, key: Any) -> None:
    """Another key, or a string with a character more or less."""
    value = holder[key]
    if isinstance(value, str) and value:
        cut = random.randrange(len(value))
        holder[key] = value[:cut] + random.choice(("", "\n", "/", "A", "\x7f")) + value[cut + 1 :]
    elif isinstance(holder, dict):
        holder[random.choice((str(key).upper(), str(key).lower(), f" {key}"))] = holder.pop(key)


STRUCTURAL: list[Callable[[Random, JSON, Any], None]] = [
    *(_replace, _replace, _remove, _swap, _nest, _multiply, _respell),
]


def structural(random: Random, review: JSON) -> bytes:
    """A review with some of its parts changed, still JSON."""
    changed = copy.deepcopy(review)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        places = _places(changed, [])
        if places:
            random.choice(STRUCTURAL)(random, *random.choice(places))
    return json.dumps(changed).encode("utf-8", "surrogatepass")


def bytewise(random: Random, data: bytes) -> bytes:
    """The same bytes, some of them flipped, cut, doubled or filled in."""
    for _ in range(random.choice((1, 1, 2, 8))):
        start = random.randrange(len(data) + 1)
        end = min(len(data), start + random.choice((0, 1, 2, 30)))
        filling = random.choice(
            (
                b"",
                random.randbytes(random.choice((1, 4))),
                data[start:end] * 2,
                random.choice(
                    (b"{", b"}", b"[", b"]", b'"', b"\\", b"\\u0000", b",", b"\xff", b"0")
                ),
            )
        )
        data = data[:start] + filling + data[end:]
    return data


def mutated(random: Random, known: list[tuple[str, JSON]]) -> tuple[str, bytes]:
    """A path and a body."""
    path, review = random.choice(known)
    if random.random() < 0.1:
        path = random.choice(("/validate", "/mutate"))
    kind = random.random()
    if kind < 0.6:
        return path, structural(random, review)
    if kind < 0.95:
        return path, bytewise(random, json.dumps(review).encode())
    return path, bytewise(random, structural(random, review))


LINES = [
    *(b"Content-Length: 1", b"Content-Length: 99999999999", b"Content-Length: -1", b"Host: b"),
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip", b"Expect: 100-continue"),
    *(b"Connection: close", b"Connection: upgrade", b"Upgrade: h2c", b" folded", b"A:\x00", b":"),
    *(b"Content-Type: \xff", b"X: " + b"y" * 9000, b"Expect: x", b"Cookie: a=b", b"A_B: c"),
]
TARGETS = [
    *(
        b"/validate",
        b"/mutate?timeout=1s",
        b"/readyz",
        b"/healthz",
        b"/",
        b"*",
        b"http://a/",
        b"a:1",
    ),
    *(b"/validate?timeout=\xff", b"/%00", b"/../etc/passwd", b"/validate/", b"/" + b"a" * 9000),
    *(b"/validate?timeout=-1s", b"/validate?timeout=9e9h", b"/%zz", b"/readyz?" + b"&" * 3000),
]
METHODS = [b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"CONNECT", b"TRACE", b"get", b"PRI", b""]


def garbage(random: Random, known: list[tuple[str, JSON]]) -> bytes:
    """Bytes for a connection: HTTP that was tampered with, or none at all."""
    if random.random() < 0.15:
        return random.randbytes(random.choice((1, 20, 3000, 70_000)))
    body = json.dumps(random.choice(known)[1]).encode()
    lines = [b"Host: a", b"Content-Length: %d" % len(body), *random.sample(LINES, 2)]
    random.shuffle(lines)
    version = random.choice((b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.9", b""))
    first = b" ".join((random.choice(METHODS), random.choice(TARGETS), version))
    if random.random() < 0.3:
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    data = b"\r\n".join((first, *lines, b"", body))
    return bytewise(random, data) if random.random() < 0.5 else data
