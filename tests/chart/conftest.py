"""Fixtures of the chart's tests: the chart rendered by helm itself."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

# `pytest` alone, unlike `python -m pytest`, does not put the repository on the path.
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.controlplane import binaries
from tests.controlplane.fixtures import started
from tests.controlplane.plane import ControlPlane
from tools.chart_readme import CHART

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Helm = Callable[..., subprocess.CompletedProcess[str]]
Manifest = dict[str, Any]


@dataclass(frozen=True)
class Rendered:
    """What `helm template` printed, as objects.

    Args:
        text: as printed.
        objects: those of the release.
        hooks: those of `helm test`, which stand only while it runs.
    """

    text: str
    objects: list[Manifest]
    hooks: list[Manifest]

    def one(self, kind: str, name: str = "portcullis") -> Manifest:
        """The one object of that kind and name."""
        (found,) = [
            it for it in self.objects if (it["kind"], it["metadata"]["name"]) == (kind, name)
        ]
        return found

    @property
    def pod(self) -> Manifest:
        """The Pod template's spec."""
        spec: Manifest = self.one("Deployment")["spec"]["template"]["spec"]
        return spec

    def container(self, name: str) -> Manifest:
        """The container of that name."""
        return next(it for it in self.pod["containers"] if it["name"] == name)

    @property
    def entries(self) -> dict[str, Manifest]:
        """The webhook entries of both configurations, by the first part of their names."""
        configurations = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
        return {
            entry["name"].removesuffix(".portcullis.dev"): entry
            for kind in configurations
            for entry in self.one(kind)["webhooks"]
        }


def _is_hook(manifest: Manifest) -> bool:
    return "helm.sh/hook" in manifest["metadata"].get("annotations", {})


Render = Callable[..., Rendered]
Refusal = Callable[..., str]


@pytest.fixture(scope="package")
def control_plane(request: pytest.FixtureRequest) -> Iterator[ControlPlane]:
    """One for the chart's tests: it has gone when those of the whole begin."""
    with started(request) as plane:
        yield plane


@pytest.fixture(scope="session")
def helm(request: pytest.FixtureRequest) -> Helm:
    """Runs helm; it is built on first use, which is told past pytest's capture."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        program = binaries.find(["helm"])["helm"]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments], capture_output=True, text=True, check=False, timeout=60
        )

    return run


def _template(helm: Helm, values: tuple[str, ...], namespace: str, flags: tuple[str, ...]) -> Any:
    sets = [part for value in values for part in ("--set-json", value)]
    return helm("template", "portcullis", str(CHART), "--namespace", namespace, *sets, *flags)


@pytest.fixture(scope="session")
def render_text(helm: Helm) -> Callable[..., str]:
    """Renders the chart with `key=JSON` values, and further flags of helm."""

    @cache
    def run(*values: str, namespace: str = "portcullis-system", flags: tuple[str, ...] = ()) -> str:
        done = _template(helm, values, namespace, flags)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    return run


@pytest.fixture(scope="session")
def render(render_text: Callable[..., str]) -> Render:
    """The same, read."""

    def run(*values: str, **options: Any) -> Rendered:
        text = render_text(*values, **options)
        objects = [it for it in yaml.load_all(text, _Loader) if it]
        return Rendered(
            text,
            [it for it in objects if not _is_hook(it)],
            [it for it in objects if _is_hook(it)],
        )

    return run


@pytest.fixture(scope="session")
def refusal(helm: Helm) -> Refusal:
    """What helm says where it refuses `key=JSON` values."""

    def run(*values: str, namespace: str = "portcullis-system") -> str:
        done = _template(helm, values, namespace, ())
        assert done.returncode != 0, "rendered, but was to be refused"
        return str(done.stderr)

    return run


@pytest.fixture(scope="session")
def rendered(render: Render) -> Rendered:
    """The chart with its defaults."""
    return render()
