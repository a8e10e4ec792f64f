"""Regular expressions mean the same on every Python that Portcullis runs on."""

import re
import runpy
import sys

import pytest

from webhook.netconf import grammar, plain

POSSESSIVE_GROUP = re.compile(rb"\)(?:[*+?]|\{\d*,?\d*\})\+")
TEXTS = (
    b'"vxlan"}',
    rb'"a\"b\u00e9": 1,',
    rb'"a\x"',
    b'"open',
    b"-12.5e+3, ",
    b"01",
    b"1.",
    b'{"a": [1, "b", true], "c": {}}, [], "x", ',
    b'"a": {"b": 1, "c": 2}, "d": [], ',
    b'"k": "v", ',
)


def compiled(module, monkeypatch, exact):
    """The patterns of a module where possessive groups are exact, or not."""
    monkeypatch.setattr(re, "fullmatch", lambda *_: None if exact else object())
    monkeypatch.setattr(grammar, "repeated", runpy.run_path(grammar.__file__)["repeated"])
    found = runpy.run_path(module.__file__)
    monkeypatch.undo()
    return {name: it for name, it in found.items() if isinstance(it, re.Pattern)}


@pytest.mark.parametrize("module", [grammar, plain], ids=["grammar", "plain"])
def test_an_old_cpython_gets_no_group_that_repeats_possessively(module, monkeypatch):
    """Before 3.11.5 it matches what it must not (cpython issue 106052).

    With `(?:a|b)*+` Portcullis did not start under Debian 12's 3.11.2.
    """
    for pattern in compiled(module, monkeypatch, exact=False).values():
        assert not POSSESSIVE_GROUP.search(pattern.pattern)


@pytest.mark.skipif(sys.version_info < (3, 11, 5), reason="has the bug")
@pytest.mark.parametrize("module", [grammar, plain], ids=["grammar", "plain"])
def test_both_ways_of_writing_match_the_same(module, monkeypatch):
    """An atomic group that repeats inside, and a group that repeats possessively."""
    old = compiled(module, monkeypatch, exact=False)
    new = compiled(module, monkeypatch, exact=True)
    spans = [
        {name: [it.span() for it in pattern.finditer(text)] for name, pattern in found.items()}
        for found in (old, new)
        for text in TEXTS
    ]

    assert old.keys() == new.keys()
    assert spans[: len(TEXTS)] == spans[len(TEXTS) :]
