"""Our reader beside flannel's own code (Go module v0.28.10), over seeded random texts."""

import base64
import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.netconf.adversary import adversarial
from tests.netconf.texts import configurations, known_texts, mutations
from webhook.netconf import NetConfError
from webhook.netconf.backend_reader import _refusal, find_backend, read_backend
from webhook.netconf.config import read
from webhook.netconf.etcd import check_network_config
from webhook.netconf.text import encode
from webhook.netconf.verdict import backend_view, config_view

MODULE = Path(__file__).parent / "differential"
TEXTS = 60_000
CONFIGURATIONS = 60_000
IN_BYTES = 10_000
ADVERSARIAL = 60_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed"),
]


@pytest.fixture(scope="module")
def flannel(tmp_path_factory):
    """The program that asks flannel's code; skipped where its modules cannot be fetched."""
    program = tmp_path_factory.mktemp("differential") / "flannelconf"
    built = subprocess.run(
        ["go", "build", "-o", program, "."], cwd=MODULE, capture_output=True, text=True, check=False
    )
    if built.returncode:
        pytest.skip(f"flannel's module cannot be built here: {built.stderr.strip()[-200:]}")
    return program


def texts():
    """Every known text, mutations, configurations at the edges, an adversary's, slips in bytes."""
    yield from map(encode, known_texts())
    yield from map(encode, mutations(seed=28, count=TEXTS))
    yield from map(encode, configurations(seed=27, count=CONFIGURATIONS))
    yield from adversarial(seed=26, count=ADVERSARIAL)
    rng = random.Random(10)
    for text in mutations(seed=29, count=IN_BYTES):
        data = bytearray(encode(text))
        for _ in range(rng.randint(1, 3)):
            data.insert(rng.randint(0, len(data)), rng.choice((0x80, 0xC3, 0xE4, 0xED, 0xA0, 0xFF)))
        yield bytes(data)


def ask(program, samples):
    """Flannel's answer to each text."""
    lines = b"".join(base64.b64encode(text) + b"\n" for text in samples)
    answers = subprocess.run([program], input=lines, capture_output=True, check=True).stdout
    return [json.loads(line) for line in answers.splitlines()]


def ours(text):
    """Our answer in the form of the program's; whether the backend is refused for other reasons."""
    try:
        reading = read(text)
    except NetConfError:
        return {"ok": False, "stage": "parse", "backend_type": ""}, False
    config = config_view(reading)
    config.pop("Backend", None)
    answer = {"ok": True, "backend_type": reading.backend_type, "config": config}
    etcd = check_network_config(reading.config)
    answer |= {"etcd": etcd} if etcd else {}
    try:
        cls = find_backend(reading.section, reading.backend_type)
    except NetConfError:
        return answer, False
    found = read_backend(reading.section, cls, enable_ip4=reading.config.enable_ip4)
    view = backend_view(found.backend, 1500)
    answer |= {"backend_config": view} if view else {}
    if found.error:
        answer |= {"ok": False, "stage": "backend-config"}
    return answer, _refusal(found.backend, enable_ip4=reading.config.enable_ip4) is not None


def agree(theirs, answer, refused):
    """Whether both say the same; what flannel refuses after decoding is not asked of Go."""
    if refused and theirs["ok"]:
        answer = {key: value for key, value in answer.items() if key != "stage"} | {"ok": True}
    if "PANIC" in theirs.get("etcd", ""):
        theirs, answer = ({**side, "etcd": ""} for side in (theirs, answer))
    return theirs == answer


def test_reader_agrees_with_flannel(flannel, capsys):
    """Verdict, decoded values, etcd mode's message: all are what flannel's code gives."""
    samples = list(texts())

    pairs = zip(samples, ask(flannel, samples), map(ours, samples), strict=True)
    differing = [
        (text, theirs, answer)
        for text, theirs, (answer, refused) in pairs
        if not agree(theirs, answer, refused)
    ]

    with capsys.disabled():
        print(f"\nflannel's code and ours: {len(samples) - len(differing)} of {len(samples)} agree")
    assert [] == differing[:5]
