"""Texts for the tests of net-conf.json: the shared cases where they are, seeded mutations."""

# ruff: noqa: RUF001 - the pieces hold look-alike characters on purpose

import json
import random
from pathlib import Path

CASES = Path(__file__).parents[3] / "shared" / "cases" / "flannel" / "netconf.jsonl"

OWN = (
    '{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan","VNI":1,"Port":8472}}',
    '{"Network":"10.244.0.0/16","SubnetLen":24,"SubnetMin":"10.244.1.0","Backend":{"Type":"udp"}}',
    '{"EnableIPv6":true,"IPv6Network":"fd00:10:244::/48","Backend":{"Type":"wireguard","Mode":"auto"}}',
    '{"Network":"10.0.0.0/8","EnableNFTables":true,"Backend":{"Type":"ipip","DirectRouting":true}}',
)
PIECES = (
    '"',
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1.5",
    "1e9",
    "\\",
    "\\u",
    "\\ud800",
    "\\u004e",
    "/*",
    "//",
    " ",
    "\n",
    "\x00",
    "\x7f",
    "\xa0",
    "\ufeff",
    "é",
    "😀",
    "ſ",
    "K",
    "İ",
    "ı",
    '"Backend":',
    '"backend":null',
    '"Network":"10.1.0.0/16",',
    '"Type":"host-gw",',
    '"DirectRouting":true,',
    '"VNI":2,',
    '"MTU":null,',
    '"EnableIPv4":false,',
    "/24",
    "::",
    "fd00::/48",
    "::ffff:10.0.0.0/104",
    "SubnetMin",
    "IPv6SubnetMax",
    "9223372036854775808",
    "18446744073709551616",
)


def known_texts():
    """The texts of the shared cases, or our own few where the cases are not here."""
    if not CASES.exists():
        return OWN
    return tuple(json.loads(line)["netconf"] for line in CASES.read_text().splitlines())


def mutations(seed, count):
    """Yield `count` texts, each a known one with one to four slips in it."""
    rng = random.Random(seed)
    texts = [text for text in known_texts() if len(text) < 2_000]
    for _ in range(count):
        text = rng.choice(texts)
        for _ in range(rng.randint(1, 4)):
            text = _slip(rng, text, texts)
        yield text


def _slip(rng, text, texts):
    start = rng.randint(0, len(text))
    end = min(len(text), start + rng.choice((0, 0, 1, 1, 2, 5, 12)))
    kind = rng.randrange(6)
    if kind == 0:
        return text[:start] + text[end:]
    if kind == 1:
        return text[:start] + text[start:end] * 2 + text[end:]
    if kind == 2:
        return text[:start] + text[start:end].swapcase() + text[end:]
    if kind == 3:
        other = rng.choice(texts)
        cut = rng.randint(0, len(other))
        return text[:start] + other[cut : cut + rng.randint(1, 40)] + text[end:]
    return text[:start] + rng.choice(PIECES) + text[end:]
