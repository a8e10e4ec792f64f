"""Texts by somebody who knows where JSON readers part: spelling, folding, bytes, limits."""

import random

from tests.netconf.texts import NUMBERS, TYPES
from webhook.netconf.names import BACKEND, TOP_LEVEL, WINDOWS_ONLY
from webhook.netconf.text import encode

NAMES = (*TOP_LEVEL, "BackendType", "Networks", "Type", "VNI", "Unknown", "")
FOLDED = {"s": "ſ", "S": "ſ", "k": "\u212a", "K": "\u212a", "i": "ı", "I": "İ"}
SLIPS = ("\\ud800", '\\"', "\\\\", "\\/", " ", "\u0301", "\ufeff", "\\u0000", "ß", "ﬀ")
BLANKS = ("", " ", "\n", "\t", "\r", "\x0b", "\x0c", "\xa0", "\u2028", "\ufeff", "\x00", "//\n")
LIMITS = (
    *NUMBERS, "9999999", "10000000", "65535", "65536", "74008", str(2**31), str(2**32), "1e400",
    "-1e400", "1.", ".5", "+1", "0x1", "1_000", "9" * 25, "9" * 5000, "-", "1e", "NaN", "00", "-01",
)  # fmt: skip
PSK = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="
STRINGS = tuple(
    f'"{text}"'
    for text in (
        "", "x", "true", "24", "null", "auto", "Separate", "ipv6", "\\ud83d\\ude00", "\\ud800",
        "\\udc00\\ud800", "\\uD800\\uDBFF\\uDC00", "\\u0000", "\\x", "\\u12", "é", "  ", "\t",
        "\\u00a0\\u3000\\u2000", "\\u200b", "\\u180e", "\\u0085", "\\u001c", "\x7f", "\x1f", PSK,
        PSK[:-2] + "F=", PSK[:20] + "\\n" + PSK[20:], "a" * 95, "a" * 96, "é" * 48, "\\u00e9" * 47,
        "\\ud800" * 32,
    )
)  # fmt: skip
OTHERS = ("true", "false", "null", "True", "nul", "[]", "{}", "[1]", '{"a":1}')
ADDRESSES = (
    "10.244.0.0", "fd00:10:244::", "0.0.0.0", "::", "::ffff:10.244.0.0", "64:ff9b::1.2.3.4",
    "255.255.255.255", "ffff:" * 7 + "ffff", "::1.2.3.4", "::ffff:0:0", "::fffe:1.2.3.4",
    "01.2.3.4", "1.2.3", "1.2.3.4.5", "256.0.0.0", "1.2.3.٣", "fd00::%eth0", "fd00::1%",
    "0x1.2.3.4", "1::2::3", "1:2:3:4:5:6:7:8:9", ":1::", "1:", "12345::", "FD00::A",
    "::ffff:1.2.3.256",
)  # fmt: skip
LENGTHS = (
    "0", "8", "16", "24", "28", "30", "32", "33", "64", "112", "124", "128", "129", "016", "000",
    "0" * 300 + "8", "", "-1", "+8", "8 ", " 8", "1e1", "٨", "/8", "8/8", "255.0.0.0", "9" * 20,
)  # fmt: skip
BYTES = (
    b"\x80", b"\xc3", b"\xe4\xbd", b"\xed\xa0\x80", b"\xff", b"\xf0\x9f", b"\xc0\xaf", b"\x00",
    b"\xf4\x90\x80\x80", b"\x1f", b"\xc5\xbf", b"\xe2\x84\xaa",
)  # fmt: skip
DEPTHS = (1, 50, 900, 1000, 4999, 9997, 9998, 9999, 10_000, 10_001)


def adversarial(seed, count):
    """Yield `count` texts, as bytes; about one in seven is one that flannel reads."""
    rng = random.Random(seed)
    for _ in range(count):
        most = rng.choice((2, 4, 8))
        text = _blank(rng) + _object(rng, NAMES, most, _top_value) + _blank(rng)
        if rng.random() < 0.03:
            text += rng.choice(("x", "}", ",", "{}", "null", "\x1a", " \n"))
        data = bytearray(encode(text))
        for _ in range(rng.choice((0, 0, 0, 0, 0, 0, 1, 3))):
            at = rng.randint(0, len(data))
            data[at:at] = rng.choice(BYTES)
        yield bytes(data)


def _blank(rng):
    return rng.choice(BLANKS) if rng.random() < 0.05 else ""


def _spelt(rng, name):
    """A name in another spelling: case, letters that fold, escapes, now and then a slip."""
    escaped = rng.random() < 0.15
    chars = "".join(_char(rng, char, escaped=escaped) for char in name)
    return f'"{chars}"'


def _char(rng, char, *, escaped):
    chance = rng.random()
    if chance < 0.1:
        char = char.swapcase()
    elif chance < 0.16:
        char = FOLDED.get(char, char)
    elif chance > 0.995:
        return rng.choice(SLIPS)
    return f"\\u{ord(char):04x}" if escaped or chance > 0.97 else char


def _object(rng, names, most, value):
    members = [
        _blank(rng) + _spelt(rng, name) + _blank(rng) + ":" + value(rng, name) + _blank(rng)
        for name in rng.choices(names, k=rng.randint(0, most))
    ]
    return "{" + ",".join(members) + ("," if rng.random() < 0.02 else "") + "}"


def _top_value(rng, name):
    if rng.random() < 0.1:
        return _any(rng)
    if name == "Backend":
        return _backend(rng)
    if name.startswith("Enable"):
        return rng.choice(("true", "false", "null"))
    if name.endswith("Len"):
        return rng.choice(LIMITS)
    return _address(rng, slash="Net" in name)


def _any(rng):
    kind = rng.randrange(5)
    if kind == 4:
        return _deep(rng)
    return rng.choice((LIMITS, STRINGS, OTHERS, (_address(rng, slash=True),))[kind])


def _address(rng, *, slash):
    text = rng.choice(ADDRESSES) + (f"/{rng.choice(LENGTHS)}" if slash else "")
    if rng.random() < 0.06:
        text = rng.choice((f" {text}", f"{text} ", f"{text}\\n", f"\\u0031{text}", f'"{text}'))
    return f'"{text}"'


def _deep(rng):
    opened, inner, closed = rng.choice((("[", "1", "]"), ('{"a":', "{}", "}"), ("[", "[]", "]")))
    depth = rng.choice(DEPTHS)
    return opened * depth + inner + closed * depth


def _backend(rng):
    kind = rng.choice((*BACKEND, *TYPES, "ıpip", "ipſec", "ipip ", "vxlan\\u0000", "ali-vpc", ""))
    names = (*BACKEND.get(kind, ("Type",)), *WINDOWS_ONLY, "Port", "MTU", "Mode", "PSK")
    body = _object(rng, names, 6, _backend_value)
    return f'{{"Type":"{kind}"{"," if len(body) > 2 else ""}{body[1:]}'


def _backend_value(rng, name):
    if name == "Type":
        return f'"{rng.choice((*BACKEND, *TYPES))}"' if rng.random() < 0.5 else _any(rng)
    if rng.random() < 0.2:
        return _any(rng)
    flags = {"GBP", "Learning", "DirectRouting", "UDPEncap"}
    strings = {"PSK", "Mode", "ESPProposal", "AccessKeyID", "AccessKeySecret"}
    if name in flags:
        return rng.choice(OTHERS)
    return rng.choice(STRINGS if name in strings or "Command" in name else LIMITS)
