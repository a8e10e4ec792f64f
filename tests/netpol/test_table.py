"""Pods in slots, and what is asked of sets of them."""

from hypothesis import given
from hypothesis import strategies as st

from webhook.netpol.model import Pod
from webhook.netpol.table import PodTable


@given(st.lists(st.integers(0, 40), max_size=200), st.integers(0, 1 << 201))
def test_the_namespaces_of_a_set_of_pods(homes, members):
    """Few namespaces or many, of few pods each or of many: none is missed, and none is added."""
    pods = tuple(Pod(f"n{home}", f"p{number}") for number, home in enumerate(homes))
    table = PodTable((*pods, None), {pod.namespace: {} for pod in pods})
    expected = {pod.namespace for slot, pod in enumerate(pods) if members >> slot & 1}

    assert table.namespaces_of(members) == expected
