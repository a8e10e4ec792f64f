"""The Dockerfile, read: no container engine is at hand to build it."""

import re
import shlex
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


def instructions():
    """The Dockerfile's instructions as (name, argument), continuation lines joined."""
    lines = [
        line
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.strip() and not line.startswith("#")
    ]
    joined = "\n".join(lines).replace("\\\n", "").splitlines()
    return [tuple(line.split(maxsplit=1)) for line in joined]


def arguments(name):
    return [argument for each, argument in instructions() if each == name]


def copied():
    """What COPY takes from the repository, with WHEELS unset."""
    for argument in arguments("COPY"):
        *sources, _ = shlex.split(re.sub(r"\$\{\w+:-([^}]*)}", r"\1", argument))
        if not sources[0].startswith("--from="):
            yield from sources


def final_stage():
    all_of_it = instructions()
    start = max(i for i, (name, _) in enumerate(all_of_it) if name == "FROM")
    return dict(all_of_it[start:])


@pytest.mark.parametrize("source", sorted(set(copied())))
def test_each_copied_source_exists_and_is_not_ignored(source):
    """A build fails at a source that is not in the repository, or not in the context."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = [line[1:].partition("/")[0] for line in lines if line.startswith("!")]

    assert (ROOT / source).exists()
    assert any(fnmatch(source, it) for it in kept)


def test_everything_is_ignored_but_what_is_named():
    """No secret, cache or history gets into a layer by oversight."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]

    assert "*" == patterns[0]
    assert all(it.startswith("!") for it in patterns[1:])


def test_the_image_runs_as_the_user_of_the_chart():
    """By number, so that the kubelet can tell that it is not root."""
    assert "65532:65532" == final_stage()["USER"]


def test_the_final_stage_only_takes_away():
    """It holds what the build stage made, and no installer: neither the base's nor one of ours."""
    run = final_stage()["RUN"]

    assert run.startswith("python -m pip uninstall --yes")
    assert run.endswith("pip setuptools wheel")
    assert any("python -m venv --without-pip" in it for it in arguments("RUN"))


def test_the_command_is_that_of_the_webhook():
    """From the folder that holds both files it names."""
    assert '["gunicorn", "--config=gunicorn.conf.py", "wsgi:app"]' == final_stage()["CMD"]
    assert "/app" == final_stage()["WORKDIR"]


def test_packages_come_by_hash():
    """Every requirements file is installed with its hashes, or nothing is."""
    installs = [it for run in arguments("RUN") for it in run.split("&&") if " -r " in it]

    assert 2 == len(installs)
    assert all("--require-hashes" in it for it in installs)


def test_the_python_is_the_one_that_the_requirements_were_compiled_for():
    """Another version may need what is not pinned."""
    header = (ROOT / "requirements.txt").read_text()[:400]

    compiled = re.search(r"pip-compile with Python ([\d.]+)", header)
    assert compiled is not None
    assert f"PYTHON={compiled[1]}" == arguments("ARG")[0]


def test_the_pinned_build_tool_is_what_the_project_asks_for():
    """`pip wheel --no-build-isolation` does not look by itself."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (asked,) = map(Requirement, project["build-system"]["requires"])
    pinned = re.search(
        r"^(\S+)==(\S+)", (ROOT / "requirements-build.txt").read_text(), re.MULTILINE
    )

    assert pinned is not None
    assert asked.name == pinned[1]
    assert pinned[2] in asked.specifier
