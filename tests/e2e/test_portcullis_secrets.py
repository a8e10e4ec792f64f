"""A whole life of an installation with secrets in it: they are found in nothing that is kept.

The secrets are known, and so are their spellings; what is searched is all that we write, and all
that the API server writes of what we answered.
"""

import base64
import json
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.controlplane.installation import NAMESPACE, Installation
from tests.controlplane.plane import ControlPlane
from tests.e2e import world

pytestmark = pytest.mark.controlplane

PSK = "x4Kd9" * 20
WIREGUARD_KEY = base64.b64encode(bytes(range(100, 132))).decode()
ACCESS_KEY = "AKs3cr3tAKs3cr3tAKs3cr3tAKs3cr3t"
HERE = ("-n", "kube-flannel")
DAEMON = {"Network": "10.244.0.0/16"}
BACKENDS = (
    {"Type": "ipsec", "PSK": PSK},
    {"Type": "wireguard", "PSK": WIREGUARD_KEY},
    {"Type": "tencent-vpc", "AccessKeyID": "AKID", "AccessKeySecret": ACCESS_KEY},
)
CALL = "CHG-77, agreed with the network team"


@dataclass
class Story:
    """What was done, and what was seen of it.

    Args:
        secrets: by name.
        kept: texts in which they must not stand, by the place.
    """

    secrets: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)


def net_conf(backend: Mapping[str, Any]) -> str:
    return json.dumps({**DAEMON, "Backend": backend}, indent=2)


def slips(backend: Mapping[str, Any]) -> Iterator[str]:
    """The configuration with what people get wrong beside a secret."""
    text = net_conf(backend)
    key = '"AccessKeySecret": "' if "AccessKeySecret" in backend else '"PSK": "'
    yield text.replace(key, key[:-1])  # no opening quote
    yield text.replace(key, key.replace(": ", " "))  # no colon
    yield text.replace(key, key.replace('":', ":"))  # key not closed
    yield text.replace(key, key.replace("PSK", "PKS").replace("Key", "Kye"))  # misspelt
    yield text[: text.index(key) + len(key) + 20]  # cut off
    yield text.replace("{\n    ", "[{\n    ").replace("\n  }", "\n  }]")  # a list


def put(plane: ControlPlane, text: str, reason: str | None = None) -> CompletedProcess[str]:
    manifest = world.config_map("kube-flannel", "kube-flannel-cfg", text)
    annotations = {} if reason is None else {world.OVERRIDE: reason}
    manifest = {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}
    done = plane.kubectl("replace", "-f", "-", stdin=manifest, check=False)
    if "NotFound" in done.stderr:
        return plane.kubectl("create", "-f", "-", stdin=manifest, check=False)
    return done


def answers(plane: ControlPlane) -> str:
    """Refusals, warnings and overrides of every configuration with a secret; what kubectl said."""
    said = []
    for backend in BACKENDS:
        said += [put(plane, text) for text in slips(backend)]
        said.append(put(plane, net_conf(backend)))
        said.append(put(plane, net_conf(backend), CALL))  # every change of it is now from a secret
        other = {key: it[::-1] if len(it) > 20 else it for key, it in backend.items()}
        said.append(put(plane, net_conf(other)))
        said.append(put(plane, next(slips(backend)), CALL))
    take = ("delete", "configmap", "kube-flannel-cfg", *HERE)
    said.append(plane.kubectl(*take, check=False))
    said += [put(plane, world.VXLAN, CALL), put(plane, world.VXLAN)]
    refused, allowed = (sum((it.returncode != 0) is no for it in said) for no in (True, False))

    assert refused >= 3 * len(BACKENDS)
    assert allowed > len(BACKENDS)
    return "\n".join(it.stdout + it.stderr for it in said)


@pytest.fixture(scope="module")
def story(flannel: Installation) -> Story:
    """The deeds; then everything that is kept, as it stands."""
    plane, told = flannel.plane, Story()
    told.secrets = {"psk": PSK, "wireguard key": WIREGUARD_KEY, "access key": ACCESS_KEY}
    told.secrets |= {f"{name} reversed": it[::-1] for name, it in told.secrets.items()}
    told.kept["kubectl"] = answers(plane)
    world.seal(plane, "hush")
    for replica in flannel.replicas:
        replica.controller.stop()
        replica.start("controller")
    world.seal(plane, "hush-again")
    secret = plane.get("secret", "portcullis-ca", NAMESPACE)
    assert secret is not None
    for name, value in secret["data"].items():
        if name.endswith(".key"):
            told.secrets[name] = base64.b64decode(value).decode()
    for number, path in enumerate(plane.folder.glob("pods/*/*/serviceaccount/token")):
        told.secrets[f"token {number}"] = path.read_text()
    for replica in flannel.replicas:
        probe = replica.controller.spec["livenessProbe"]["httpGet"]
        world.eventually(lambda it=replica.controller, probe=probe: it.answers(probe), 30)
    gather(flannel, told.kept)
    return told


def gather(installation: Installation, kept: dict[str, str]) -> None:
    """Logs of each life of each container, Events, metrics, audit log, annotations, statuses."""
    plane = installation.plane
    for path in plane.folder.glob("pods/*/*/*/log"):
        kept[f"log {path.parts[-3]}/{path.parts[-2]}"] = path.read_text()
    kept["audit log"] = (plane.folder / "audit.jsonl").read_text()
    kept["API server's log"] = (plane.folder / "kube-apiserver.log").read_text()
    kept["Events"] = plane.kubectl("get", "events", "-A", "-o", "json").stdout
    kept["Namespaces"] = plane.kubectl("get", "namespaces", "-o", "json").stdout
    for replica in installation.replicas:
        for name, container in replica.containers.items():
            (named,) = (it["name"] for it in container.spec["ports"] if "metrics" in it["name"])
            port = plane.forward(replica.address, container.port(named))
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                kept[f"metrics {replica.name}/{name}"] = answer.read().decode()


def spellings(secret: str) -> set[str]:
    """How a secret, or a part of it, may stand somewhere: as it is, escaped, in base64."""
    lines = [it for it in secret.splitlines() if len(it) >= 20 and "-----" not in it]
    found = set()
    for line in lines:
        raw = line.encode()
        found |= {line[:24], line[-24:], json.dumps(line)[1:25]}
        # Where it stands in a longer text, base64 has three forms, by what comes before.
        found |= {base64.b64encode(raw[shift:]).decode()[:24] for shift in range(3)}
    return found


def test_the_story_holds_secrets(story: Story) -> None:
    """The search would find them: they are long, many, and what is searched is not empty."""
    assert {"ca.key", "token 0", "psk"} <= story.secrets.keys()
    assert all(spellings(secret) for secret in story.secrets.values())
    assert all(story.kept.values())
    assert CALL in story.kept["Events"]
    assert CALL in story.kept["audit log"]
    assert any("change refused" in text for name, text in story.kept.items() if "log" in name)


def test_no_secret_is_kept_anywhere(story: Story) -> None:
    """Neither by us nor by whom we answered."""
    found = [
        (name, place)
        for name, secret in story.secrets.items()
        for place, text in story.kept.items()
        if any(spelling in text for spelling in spellings(secret))
    ]

    assert found == []
