"""Broken input is refused with a place, whatever it is; it never crashes."""

import copy
import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.netpol.clusters import cluster
from webhook.manifest_yaml import YamlError, documents
from webhook.netpol.engine import connectivity
from webhook.netpol.errors import InvalidObjectError
from webhook.netpol.parse import parse_world

WRONG = (None, True, 0, -1, 1.5, "", "y", "10.0.0.0/99", [], {}, [None], [[]], {"": None}, 10**30)


def places(value, path=()):
    """Every way into a JSON value."""
    yield path
    children = enumerate(value) if isinstance(value, list) else ()
    for key, child in value.items() if isinstance(value, dict) else children:
        yield from places(child, (*path, key))


def spoiled(rng, objects):
    """The objects with one value replaced by a wrong one."""
    objects = copy.deepcopy(objects)
    *above, last = rng.choice([path for path in places(objects) if len(path) > 1])
    at = objects
    for step in above:
        at = at[step]
    at[last] = rng.choice(WRONG)
    return objects


def test_spoiled_objects_are_refused_or_read():
    """A wrong value anywhere gives an error that names the object, or an answer."""
    for seed in range(2_000):
        rng = random.Random(seed)
        objects = spoiled(rng, cluster(rng))
        try:
            world = parse_world(objects)
        except InvalidObjectError as error:
            assert ": " in str(error), f"seed {seed}"
        else:
            assert len(connectivity(world)) >= 0, f"seed {seed}"


@settings(max_examples=300)
@given(st.text(alphabet="ab:-[]{}&*!|>'\"#,? \n\ty1.%@", max_size=40))
def test_any_text_is_yaml_or_an_error(text):
    """No text crashes the reader; what it reads is JSON."""
    try:
        found = list(documents(text))
    except YamlError as error:
        assert (error.line >= 1, error.column >= 1) == (True, True)
    else:
        json.dumps(found)
