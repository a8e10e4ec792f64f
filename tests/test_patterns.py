"""Regular expressions mean the same on every Python that Portcullis runs on."""

import pkgutil
import re
from importlib import import_module
from types import ModuleType

import pytest

import certs
import webhook

POSSESSIVE_GROUP = re.compile(r"\)(?:[*+?]|\{\d*,?\d*\})\+")


def modules() -> list[ModuleType]:
    names = [
        info.name
        for package in (webhook, certs)
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if info.name != "webhook.__main__"  # which runs
    ]
    return [import_module(name) for name in names]


def texts_of(pattern: re.Pattern) -> str:
    text = pattern.pattern
    return text.decode("latin-1") if isinstance(text, bytes) else text


def patterns() -> list:
    return [
        pytest.param(value, id=f"{module.__name__}.{name}")
        for module in modules()
        for name, value in vars(module).items()
        if isinstance(value, re.Pattern)
    ]


@pytest.mark.parametrize("pattern", patterns())
def test_no_group_repeats_possessively(pattern):
    """CPython before 3.11.5 lets one match what it must not (cpython issue 106052).

    With `(?:a|b)*+` Portcullis did not start under Debian 12's 3.11.2; `(?>(?:a|b)*)` is the same
    and right everywhere.
    """
    assert not POSSESSIVE_GROUP.search(texts_of(pattern))
