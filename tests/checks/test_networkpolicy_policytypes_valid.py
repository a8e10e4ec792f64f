"""policyTypes holds directions and nothing else."""

from pathlib import Path

import msgspec
import pytest
import yaml

from tests.reviews import network_policy
from webhook.checks.networkpolicy_policytypes_valid import networkpolicy_policytypes_valid
from webhook.checks.subjects import PolicyChange
from webhook.model.objects import NetworkPolicy

SAMPLE = Path(__file__).parents[2] / "examples/owner/ingress-def.yaml"


def messages(types: list | None, old: list | None = None) -> list[str]:
    def policy(value):
        spec = {"podSelector": {}, **({} if value is None else {"policyTypes": value})}
        return msgspec.json.decode(
            msgspec.json.encode(network_policy("web", spec=spec)), type=NetworkPolicy
        )

    change = PolicyChange(policy(old) if old else None, policy(types), ending=False)
    return [str(violation) for violation in networkpolicy_policytypes_valid.run(change)]


@pytest.mark.parametrize("types", [["Ingress"], ["Egress", "Ingress"], [], None])
def test_directions(types) -> None:
    """The two directions, or none, are fine."""
    assert messages(types) == []


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        pytest.param("ingress", 'probably meant is "Ingress"', id="lower-case"),
        pytest.param(
            "Egress # all", 'probably meant is "Egress"; "# all" was probably', id="remark"
        ),
        pytest.param("Both", 'supported values: "Egress", "Ingress"', id="something-else"),
    ],
)
def test_something_else(value: str, hint: str) -> None:
    """Another value is refused, and what was meant is said where it can be told."""
    (message,) = messages(["Ingress", value])

    assert message.startswith(f'spec.policyTypes[1]: Unsupported value: "{value}"')
    assert hint in message


def test_the_owners_sample() -> None:
    """The sample to the letter gets the place, and what was meant."""
    sample = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))
    (message,) = messages(sample["spec"]["policyTypes"])

    assert message.startswith("spec.policyTypes[0]: Unsupported value: ")
    assert 'probably meant is "Ingress"' in message
    assert '"默认拒绝 而没写Egres，则Egress默认都放行" was probably meant as a remark' in message


def test_what_was_wrong_before_may_stay() -> None:
    """An object that is already stored like this can still be annotated or deleted."""
    assert messages(["Both"], old=["Both"]) == []
