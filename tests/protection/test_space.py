"""Label sets as boxes agree with selectors, asked one label set at a time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protection.boxes import KEYS, OTHER, VALUES, label_sets, selectors
from tests.protection.specs import named, policy, spec
from webhook.protection.space import LabelSpace, meet, uncovered, unnamed_cells

several = st.lists(selectors, max_size=4)


def point(space, labels):
    """The box of one label set."""
    return tuple(
        1 << (named.index(labels[key]) if labels[key] in named else len(named))
        if key in labels
        else 2 << len(named)
        for key, named in zip(space.keys, space.values, strict=True)
    )


def holds(box, space, labels):
    """Whether a label set is in a box."""
    return meet(box, point(space, labels)) is not None


@settings(deadline=None)
@given(selectors, several)
def test_a_box_holds_what_its_selector_matches(selector, others):
    """Of every label set, in whatever space the selector stands."""
    space = LabelSpace.of([selector, *others])
    box = space.box(selector)

    for labels in label_sets():
        assert selector.matches(labels) == holds(box, space, labels)


@settings(deadline=None)
@given(selectors, several)
def test_uncovered_is_what_no_cover_matches(selector, covers):
    """A rest is told exactly where some label set is matched by the selector and by no cover."""
    space = LabelSpace.of([selector, *covers])
    rest = uncovered(space.box(selector), [space.box(each) for each in covers])
    free = [
        labels
        for labels in label_sets()
        if selector.matches(labels) and not any(each.matches(labels) for each in covers)
    ]

    assert (rest is not None) == bool(free)
    assert rest is None or any(holds(rest, space, labels) for labels in free)


@settings(deadline=None)
@given(several)
def test_cells_are_told_apart_by_no_selector(chosen):
    """Each cell is wholly inside or wholly outside a selector, and together they are everybody."""
    space = LabelSpace.of(chosen)
    cells = list(unnamed_cells(space, [space.box(each) for each in chosen]))
    named_by = dict(zip(space.keys, space.values, strict=True))

    for labels in label_sets():
        inside = [cell for cell in cells if holds(cell, space, labels)]
        named = any(labels.get(key) in values for key, values in named_by.items())

        assert len(inside) == (0 if named else 1)
        for selector in [] if named else chosen:
            whole = meet(inside[0], space.box(selector))
            assert selector.matches(labels) == (whole is not None)


def test_of_too_many_keys_the_first_are_told_apart():
    """Of 20 keys there are 64 cells, not a million; who has none of the labels is among them."""
    keys = [f"k{number:02}" for number in range(20)]
    chosen = [policy(spec(named(key, "Exists"))).pods for key in keys]
    space = LabelSpace.of(chosen)
    boxes = [space.box(each) for each in chosen]
    cells = list(unnamed_cells(space, boxes, first=[boxes[19]]))

    assert len(cells) == 64
    for labels in ({}, {"k19": OTHER}):
        assert [True] == [True for cell in cells if holds(cell, space, labels)]


def test_a_rest_that_is_hard_to_find_is_taken_for_granted(monkeypatch):
    """Above a number of steps the answer is that something is left: rather one refusal too many."""
    chosen = [{}, named("app", "Exists"), named("app", "DoesNotExist")]
    every, *both = (policy(spec(each)).pods for each in chosen)
    space = LabelSpace.of([every, *both])
    covers = [space.box(each) for each in both]

    assert uncovered(space.box(every), covers) is None
    monkeypatch.setattr("webhook.protection.space.MAX_STEPS", 1)
    assert uncovered(space.box(every), covers) is not None


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        pytest.param({}, "every pod", id="everything"),
        pytest.param({"matchLabels": {"app": "a"}}, "pods with app=a", id="one-value"),
        pytest.param(named("app", "In", "a", "b"), "pods with app=a or with app=b", id="values"),
        pytest.param(named("app", "Exists"), "pods with label app", id="any-value"),
        pytest.param(named("app", "DoesNotExist"), "pods without label app", id="no-value"),
        pytest.param(named("app", "NotIn", "a"), "pods not app=a", id="all-but-one"),
        pytest.param(
            {"matchExpressions": [
                {"key": "app", "operator": "Exists"},
                {"key": "app", "operator": "NotIn", "values": ["a"]},
            ]},
            "pods with label app but not app=a",
            id="a-value-but-not-this",
        ),
        pytest.param(
            {"matchLabels": {"app": "a", "env": "b"}}, "pods with app=a, with env=b", id="two-keys"
        ),
    ],
)  # fmt: skip
def test_a_box_is_told_in_words(selector, expected):
    """A person reads which pods are meant."""
    chosen = policy(spec(selector)).pods
    both = policy(spec({"matchExpressions": [
        {"key": key, "operator": "NotIn", "values": list(VALUES)} for key in KEYS
    ]})).pods  # fmt: skip
    space = LabelSpace.of([chosen, both])

    assert space.text(space.box(chosen)) == expected
