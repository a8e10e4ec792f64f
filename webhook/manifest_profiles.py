"""Reads the profiles that a platform team wrote: NetworkPolicies in plain YAML, no templates."""

from collections.abc import Iterator
from typing import Any

from webhook.errors import PortcullisError
from webhook.manifest_yaml import YamlError, documents, locate
from webhook.model.profiles import OWN_PREFIX, POLICY_PREFIX, Manifest, manifest
from webhook.netpol.errors import FieldError
from webhook.netpol.fields import Field
from webhook.netpol.parse_policy import parse_policy
from webhook.netpol.parse_selector import is_subdomain

SUFFIX = ".yaml"
MAX_POLICIES = 20
MAX_NAME = 63


class ProfileError(PortcullisError):
    """A profile cannot be read; the message begins with its place."""


def profile_name(key: str) -> str:
    """The profile that a key of the ConfigMap holds.

    Raises:
        ProfileError: the key names none.
    """
    name = key.removesuffix(SUFFIX)
    fits = is_subdomain(name) and "." not in name and len(name) <= MAX_NAME
    if key == name or not name.startswith(OWN_PREFIX) or not fits:
        raise ProfileError(f"{key}: a key must be {OWN_PREFIX}<name>{SUFFIX}, in lower case")
    return name


def read_profile(key: str, text: str) -> tuple[Manifest, ...]:
    """Read the NetworkPolicies of a profile, as ours.

    Their names get our prefix and their labels are ours, so that they are repaired, protected and
    removed as any other profile's.

    Raises:
        ProfileError: names line, column and field.
    """
    name = profile_name(key)
    try:
        found = [it for it in enumerate(documents(text)) if it[1] is not None]
    except YamlError as error:
        raise ProfileError(f"{key}:{error.line}:{error.column}: {error}") from None
    if not 1 <= len(found) <= MAX_POLICIES:
        raise ProfileError(f"{key}: must hold 1 to {MAX_POLICIES} policies, holds {len(found)}")
    made = [_read(key, text, index, name, value) for index, value in found]
    for twice in _twice(it["metadata"]["name"] for it in made):
        raise ProfileError(f'{key}: metadata.name: Duplicate value: "{twice}"')
    return tuple(made)


def _read(key: str, text: str, index: int, profile: str, value: Any) -> Manifest:
    try:
        return _policy(Field(value), profile)
    except FieldError as error:
        line, column = locate(text, index, error.path)
        raise ProfileError(f"{key}:{line}:{column}: {error}") from None


def _policy(document: Field, profile: str) -> Manifest:
    document.only("apiVersion", "kind", "metadata", "spec")
    for field, expected in (("apiVersion", "networking.k8s.io/v1"), ("kind", "NetworkPolicy")):
        if document.get(field).text() != expected:
            raise document.get(field).invalid(f'must be "{expected}"')
    name = document.get("metadata").only("name").get("name")
    if not is_subdomain(name.text()):
        raise name.invalid("must be a lower-case DNS name")
    if not document.get("spec"):
        raise document.get("spec").error("Required value")
    parse_policy(document)
    return manifest(name.text().removeprefix(POLICY_PREFIX), profile, document.get("spec").value)


def _twice(names: Iterator[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield name
        seen.add(name)
