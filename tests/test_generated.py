"""What is generated from the code is fresh."""

import pytest

from tools.generate import pages


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_fresh(path) -> None:
    """A generated page says what the code says now; `make docs` renews it."""
    assert path.read_text(encoding="utf-8") == pages()[path]
