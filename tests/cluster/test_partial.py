"""Packages whose modules are imported one by one."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import pytest

from webhook.cluster.partial import by_modules

INIT = "loaded = 'all of it'\nimport whole.heavy\n"
UNUSED = ("requests", "requests_oauthlib", "oauthlib", "pydantic", "dateutil", "websocket")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package `whole` whose `__init__` loads its module `heavy`, beside a module `light`."""
    folder = tmp_path / "whole"
    folder.mkdir()
    (folder / "__init__.py").write_text(INIT)
    (folder / "heavy.py").write_text("")
    (folder / "light.py").write_text("answer = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "whole"
    for name in [it for it in sys.modules if it.partition(".")[0] == "whole"]:
        del sys.modules[name]


def test_a_module_comes_without_its_package(package):
    """What the package's `__init__` would have loaded stays away."""
    by_modules(package)

    assert import_module("whole.light").answer == 42
    assert "whole.heavy" not in sys.modules


def test_whoever_asks_for_more_gets_the_package(package):
    """Nobody else needs to know: a name that is missing loads all of it, once."""
    by_modules(package)
    import_module("whole.light")
    whole = sys.modules[package]

    assert whole.loaded == "all of it"
    assert "whole.heavy" in sys.modules
    assert whole.light.answer == 42


def test_a_name_that_nobody_has_is_an_attribute_error(package):
    """As for any module, also after it was loaded."""
    by_modules(package)
    whole = import_module(package)

    for _ in range(2):
        with pytest.raises(AttributeError, match=r"whole.*nothing"):
            _ = whole.nothing


def test_a_package_that_is_loaded_is_left_alone(package):
    """Whoever came first has it, and goes on with it."""
    whole = import_module(package)

    by_modules(package)

    assert sys.modules[package] is whole
    assert vars(whole)["loaded"] == "all of it"


def test_who_asks_while_it_is_loaded_waits(package, tmp_path):
    """Another thread gets the name, too, and not the error of a package half loaded."""
    (tmp_path / "whole" / "heavy.py").write_text("import time\ntime.sleep(0.2)\n")
    (tmp_path / "whole" / "__init__.py").write_text("import whole.heavy\nloaded = True\n")
    by_modules(package)
    whole = import_module(package)
    with ThreadPoolExecutor(4) as pool:
        assert [True] * 4 == list(pool.map(lambda _: whole.loaded, range(4)))


def test_who_waits_gets_what_the_package_makes_on_demand(package, tmp_path):
    """Also names that only a `__getattr__` of the package's own knows."""
    (tmp_path / "whole" / "__init__.py").write_text(
        "import time\ntime.sleep(0.2)\ndef __getattr__(name):\n    return name.upper()\n"
    )
    by_modules(package)
    whole = import_module(package)
    with ThreadPoolExecutor(4) as pool:
        assert ["MADE"] * 4 == list(pool.map(lambda _: whole.made, range(4)))


def test_a_package_within_another_is_an_attribute_of_it(package, tmp_path):
    """As the import of either would have made it: nothing is loaded for the dotted name."""
    inner = tmp_path / "whole" / "inner"
    inner.mkdir()
    (inner / "__init__.py").write_text("import whole.heavy\n")
    (inner / "light.py").write_text("answer = 43\n")
    by_modules(package, "whole.inner")
    import_module("whole.inner.light")

    assert sys.modules[package].inner.light.answer == 43
    assert "whole.heavy" not in sys.modules


def test_a_package_that_cannot_be_loaded_says_so_each_time(package, tmp_path):
    """The second who asks learns why, as the first did."""
    (tmp_path / "whole" / "__init__.py").write_text("import no_such_module\n")
    by_modules(package)
    whole = import_module(package)
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no_such_module"):
            _ = whole.loaded


def test_a_package_that_is_missing_is_missing():
    """The import that follows tells of it, as it always did."""
    by_modules("no_such_package")

    assert "no_such_package" not in sys.modules


def test_a_replica_loads_nothing_for_kubeconfigs():
    """OAuth, requests, pydantic and the dynamic client were 17 MiB in each container."""
    code = (
        "import sys, webhook.cluster.live, webhook.bootstrap_controller\n"
        "print(*(name for name in sys.modules if name.partition('.')[0] in sys.argv[1:]))"
    )

    assert "" == _run(code, *UNUSED)


def test_a_kubeconfig_is_still_read(tmp_path):
    """The commands of `portcullis` load what they need for it then."""
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(
        "{apiVersion: v1, kind: Config, current-context: here,"
        " clusters: [{name: c, cluster: {server: 'https://192.0.2.1:6443'}}],"
        " users: [{name: u, user: {token: t}}],"
        " contexts: [{name: here, context: {cluster: c, user: u}}]}"
    )
    code = (
        "import sys\nfrom webhook.cluster.client import Api\n"
        "print(Api.connect(sys.argv[1], connections=1, version='0').host)\n"
        "import kubernetes\nprint(kubernetes.client.CoreV1Api.__name__)"
    )

    assert "https://192.0.2.1:6443\nCoreV1Api" == _run(code, str(kubeconfig))


def _run(code: str, *arguments: str) -> str:
    """What a fresh interpreter prints."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()
