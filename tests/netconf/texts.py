"""Texts for the tests of net-conf.json: the shared cases where they are, seeded mutations."""

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


NETWORKS = (
    "10.244.0.0/16", "fd00::/48", "10.0.0.0/8", "255.255.0.0/16", "ffff::/16", "::10.0.0.0/104",
    "::/8", "0.0.0.0/0", "10.244.0.0/24", "fd00::/120", "::ffff:0.0.0.0/90",
)  # fmt: skip
BOUNDS = (
    "10.244.1.0", "10.244.255.0", "fd00:0:0:1::", "0.0.0.0", "::", "10.0.0.1", "::a00:0",
    "::ffff:10.0.0.0", "ffff:ff00::",
)  # fmt: skip
PREFIXES = (
    "0", "1", "8", "16", "24", "28", "29", "30", "32", "33", "62", "63", "96", "104", "124", "125",
    "128", "129", "-1", "+1", "016", "", "x", "1e1", "0" * 30 + "24", "9" * 20,
)  # fmt: skip
NUMBERS = (
    "0", "1", "-1", "-0", "24", "26", "30", "31", "50", "64", "126", "127", str(2**63 - 1),
    str(2**63), str(-(2**63)), str(-(2**63) - 1), str(2**64 - 1), str(2**64), "1.0", "1e2", "01",
    "null", '"24"', "true", "{}", "[]",
)  # fmt: skip
TYPES = ("vxlan", "udp", "wireguard", "ipsec", "ipip", "tencent-vpc", "host-gw", "Vxlan", "İpip")
BACKEND_KEYS = (
    "VNI", "Port", "MTU", "GBP", "Learning", "DirectRouting", "ListenPort", "PSK", "Mode", "pſk",
    "PersistentKeepaliveInterval", "UDPEncap", "ESPProposal", "AccessKeyID", "Type",
)  # fmt: skip
TOP_KEYS = {
    "Network": "network", "network": "network", "IPv6Network": "network", "SubnetMin": "bound",
    "SubnetMax": "bound", "IPv6SubnetMin": "bound", "IPv6SubnetMax": "bound", "SubnetLen": "number",
    "IPv6SubnetLen": "number", "EnableIPv4": "flag", "EnableIPv6": "flag",
}  # fmt: skip


def configurations(seed, count):
    """Yield `count` configurations of all keys, their values at the edges of what is legal."""
    rng = random.Random(seed)
    for _ in range(count):
        keys = rng.choices(tuple(TOP_KEYS), k=rng.randint(1, 7))
        members = [f'"{key}":{_value(rng, TOP_KEYS[key])}' for key in keys]
        if rng.random() < 0.9:
            members.append(f'"Backend":{{{_backend(rng)}}}')
        rng.shuffle(members)
        yield "{" + ",".join(members) + "}"


def _value(rng, kind):
    if kind == "number":
        return rng.choice(NUMBERS)
    if kind == "flag":
        return rng.choice(("true", "true", "false", "null"))
    usual = NETWORKS if kind == "network" else BOUNDS
    length = f"/{rng.choice(PREFIXES)}" if kind == "network" else ""
    return f'"{rng.choice(usual) if rng.random() < 0.5 else _address(rng) + length}"'


def _backend(rng):
    strings = ("true", "false", '"x"', '"auto"', '"\\ud83d\\ude00\\ud800"', '"\\/"', "null")
    keys = rng.choices(BACKEND_KEYS, k=rng.randint(0, 4))
    members = [f'"{key}":{rng.choice((*strings, rng.choice(NUMBERS)))}' for key in keys]
    return ",".join([f'"Type":"{rng.choice(TYPES)}"', *members])


def _address(rng):
    """An address of either family, more or less right."""
    if rng.random() < 0.25:
        octets = rng.choices(("0", "1", "10", "244", "255", "256", "01", "", "a"), k=4)
        return ".".join(octets[: rng.choice((3, 4, 4, 4))])
    groups = rng.choices(("0", "1", "fd00", "ffff", "00ff", "12345", "", "g", "A0"), k=8)
    text = ":".join(groups[: rng.randint(1, 8)])
    if rng.random() < 0.5:
        text = text.replace(":", "::", 1)
    tail = rng.choice(("", "", "", "::", ":10.0.0.255", "::10.255.0.1", "%eth0"))
    return rng.choice(("", "", "", "::", "::ffff:")) + text + tail
