"""Where the control plane's programs come from, with scripts in the place of programs."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.controlplane import ControlPlaneError
from tests.controlplane.binaries import find
from tests.controlplane.errors import UnavailableError

GO = """#!/bin/sh
[ "$1" = env ] && echo go1.99.0 && exit
echo "$@" >> "$(dirname "$0")/calls"
sleep 0.2
while [ "$1" != -o ]; do shift; done
printf built > "$2"
"""
BROKEN_GO = """#!/bin/sh
[ "$1" = env ] && echo go1.99.0 && exit
[ "$1" = list ] && exit
echo "etcd.go:7:1: syntax error" >&2
exit 1
"""
LONELY_GO = """#!/bin/sh
[ "$1" = env ] && echo go1.99.0 && exit
echo "etcd@v3.7.0: module lookup disabled by GOPROXY=off" >&2
exit 1
"""


def program(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Empty folders for assets, PATH and cache, with a `go` that only notes its calls."""
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    monkeypatch.setenv("PORTCULLIS_CACHE", str(tmp_path / "cache"))
    program(tmp_path / "path" / "go", GO)
    return tmp_path


def test_assets_come_first(place):
    """KUBEBUILDER_ASSETS wins, as with envtest, whatever its version."""
    wanted = program(place / "assets" / "etcd", "#!/bin/sh\n")
    program(place / "path" / "etcd", "#!/bin/sh\necho etcd Version: 3.6.1\n")

    assert wanted == find(["etcd"])["etcd"]


@pytest.mark.parametrize(
    ("version", "taken"),
    [
        pytest.param("3.5.21", True, id="new-enough"),
        pytest.param("3.4.30", False, id="too-old"),
        pytest.param("unknown", False, id="no-version"),
    ],
)
def test_path_serves_where_the_version_fits(place, version, taken):
    """A program on PATH is used unless it is older than what the tests need."""
    on_path = program(place / "path" / "etcd", f"#!/bin/sh\necho etcd Version: {version}\n")

    assert taken == (on_path == find(["etcd"])["etcd"])


def test_a_build_is_made_once(place, capfd):
    """Two that want the same program build it once; both say nothing when it is there."""
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(find, [["etcd"], ["etcd"]])

    told = capfd.readouterr().err
    assert first == second
    assert len((place / "path" / "calls").read_text().splitlines()) == 1
    assert "building etcd with go 1.99.0 (once; usually 1 minute on 2 cores)" in told
    assert first == find(["etcd"])
    assert not capfd.readouterr().err


def test_a_failed_build_shows_the_compiler(place):
    """What the compiler said is in the error, and nothing is left in the cache."""
    program(place / "path" / "go", BROKEN_GO)

    with pytest.raises(ControlPlaneError, match=r"(?s)building etcd failed.*syntax error") as told:
        find(["etcd"])

    assert not isinstance(told.value, UnavailableError), "that would be a reason to skip"
    assert not list(place.glob("cache/controlplane/*/*"))


def test_what_cannot_be_fetched_is_no_failed_build(place):
    """Without the module proxy the error says so, for a test that may be skipped without."""
    program(place / "path" / "go", LONELY_GO)

    with pytest.raises(UnavailableError, match=r"(?s)sources of etcd cannot be fetched.*GOPROXY"):
        find(["etcd"])
