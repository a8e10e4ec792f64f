"""Where flannel cannot run its tests are skipped, and say why."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.controlplane.errors import ControlPlaneError, UnavailableError
from tests.flannel import needs


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are found; in it nft and iptables, and a flanneld."""
    monkeypatch.setattr(needs, "_SBIN", str(tmp_path))
    monkeypatch.setattr(needs, "flanneld", lambda: tmp_path / "flanneld")
    for name in ("nft", "iptables"):
        tmp_path.joinpath(name).touch(0o755)
    return tmp_path


def plane(*, isolated: bool = True, fails: str = "nothing") -> Any:
    """A plane in whose namespace every command works but those of one program."""

    def inside(argv: tuple[str, ...]) -> list[str]:
        return ["/bin/false" if argv[0] == fails else "/bin/true"]

    network = SimpleNamespace(inside=inside)
    return SimpleNamespace(isolated=isolated, env={"PATH": ""}, network=network)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        pytest.param(plane(isolated=False), "no network namespaces here", id="no-namespaces"),
        pytest.param(plane(fails="ip"), "no vxlan devices here", id="no-vxlan"),
        pytest.param(plane(fails="nft"), "no nftables in this kernel", id="no-nf-tables"),
    ],
)
def test_what_the_kernel_lacks_is_told(found: Path, given: Any, reason: str) -> None:
    """What only trying tells: namespaces, devices, packet filters."""
    told = needs.missing(given)

    assert told is not None
    assert told.startswith(reason)


@pytest.mark.parametrize(
    ("absent", "reason"),
    [
        pytest.param(["nft"], "no nft here: apt-get install nftables", id="nft"),
        pytest.param(
            ["nft", "iptables"],
            "no nft and no iptables here: apt-get install nftables iptables",
            id="both",
        ),
    ],
)
def test_absent_programs_are_told_with_their_packages(
    found: Path, absent: list[str], reason: str
) -> None:
    """Nothing is installed on the way: that is for who runs the tests."""
    for name in absent:
        found.joinpath(name).unlink()

    assert needs.missing(plane()) == reason


def test_sources_that_cannot_be_fetched_are_a_reason(
    found: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Go or the module proxy there is no flanneld, and nothing is wrong with ours."""

    def unavailable() -> Path:
        raise UnavailableError("no Go to be had")

    monkeypatch.setattr(needs, "flanneld", unavailable)

    assert needs.missing(plane()) == "no Go to be had"


def test_a_flanneld_that_does_not_compile_is_a_failure(
    found: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our own stub module may be at fault: skipping would hide it."""

    def broken() -> Path:
        raise ControlPlaneError("building flanneld failed")

    monkeypatch.setattr(needs, "flanneld", broken)

    with pytest.raises(ControlPlaneError, match="building flanneld failed"):
        needs.missing(plane())


def test_where_all_is_there_nothing_is_missing(found: Path) -> None:
    """None is the answer that runs the tests."""
    assert needs.missing(plane()) is None
