"""A hint where a selector matches nothing: what was probably meant."""

from difflib import get_close_matches

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.lint.selectors import Spelling, equal, near_miss
from webhook.netpol.labels import Selector

NAME = "kubernetes.io/metadata.name"


@pytest.mark.parametrize(
    ("wanted", "known", "expected"),
    [
        pytest.param([("app", "bd")], [{"app": "db"}], "did you mean app=db?", id="value"),
        pytest.param([("ap", "db")], [{"app": "db"}], "did you mean app=db?", id="key"),
        pytest.param(
            [("app", "db"), ("tier", "x")], [{"app": "db", "tier": "y"}], "did you mean tier=y?",
            id="one-of-two",
        ),
        pytest.param([("app", "db"), ("tier", "x")], [{"app": "a", "tier": "y"}], "", id="both"),
        pytest.param(
            [(NAME, "ingres-nginx")], [{NAME: "web"}, {NAME: "ingress-nginx"}],
            f"did you mean {NAME}=ingress-nginx?", id="name-spelled-alike",
        ),
        pytest.param([(NAME, "ingress-nginx")], [{NAME: "kube-system"}], "", id="another-name"),
        pytest.param([("app", "db")], [], "", id="nothing-known"),
    ],
)  # fmt: skip
def test_near_miss(wanted, known, expected) -> None:
    """The same key with another value, or the value under another key; not just any name."""
    selector = Selector(tuple(equal(key, value) for key, value in wanted))

    assert near_miss(selector, known) == expected


@given(st.text("abc-é", max_size=12), st.lists(st.text("abc-é", max_size=12), max_size=3))
def test_names_are_alike_as_difflib_has_it(name, wanted) -> None:
    """A name is like a wanted one where the library finds it close, however it is told apart."""
    expected = any(get_close_matches(each, [name]) for each in wanted)

    assert Spelling().is_like(name, wanted) is expected
