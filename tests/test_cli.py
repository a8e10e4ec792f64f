"""The command line: one module for each command, and only that one is loaded."""

import argparse
import os
import subprocess
import sys

import pytest

from webhook.cli import MODULES, main, parser_of


def commands(parser):
    """The commands that a parser knows."""
    (actions,) = (it for it in parser._actions if isinstance(it, argparse._SubParsersAction))
    return set(actions.choices)


def test_the_table_has_every_command():
    """What the modules add together is what the table says of each."""
    listed = {name for names in MODULES.values() for name in names}

    assert listed | {"controller", "checks"} == commands(parser_of(""))


@pytest.mark.parametrize(("module", "names"), MODULES.items())
def test_a_module_adds_the_commands_that_the_table_says(module, names):
    """A command is found in the one module that is loaded for it."""
    assert set(names) == commands(parser_of(names[0])), module


@pytest.mark.parametrize("arguments", [[], ["no-such"], ["--help"]])
def test_whoever_errs_is_told_all_commands(arguments, capsys):
    """Usage and errors do not depend on what is loaded."""
    with pytest.raises(SystemExit):
        main(arguments)
    told = "".join(capsys.readouterr())

    assert "connectivity" in told or "COMMAND" in told
    assert "no-such" not in arguments or "connectivity" in told


@pytest.mark.parametrize(
    ("command", "without"),
    [
        pytest.param(
            ["connectivity", "--help"],
            {"kubernetes", "flask", "prometheus_client", "cryptography", "webhook.lint"},
            id="offline",
        ),
        pytest.param(["controller", "--help"], {"flask", "yaml", "webhook.lint"}, id="controller"),
    ],
)
def test_a_command_loads_what_it_needs(command, without):
    """Start-up counts where files are read, and memory where a controller stays."""
    source = (
        "import sys\n"
        "from webhook.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", source, *command], capture_output=True, text=True, check=True
    )

    assert not without & set(done.stderr.split())


@pytest.mark.parametrize(
    ("command", "status"),
    [
        pytest.param(["checks"], 0, id="checks"),
        pytest.param(["checks", "ineffective-open"], 0, id="one-check"),
        pytest.param(["status", "--snapshot", "@all.yaml"], 1, id="status"),
        pytest.param(["status", "--snapshot", "@all.yaml", "-o", "json"], 1, id="status-json"),
        pytest.param(["cni", "@all.yaml"], 0, id="cni"),
        pytest.param(["probe", "--kubeconfig", "@kubeconfig"], 1, id="probe"),
    ],
)
def test_a_reader_may_go_before_the_end(command, status, tmp_path):
    """As head does: no traceback, and the exit status of whoever reads all."""
    (tmp_path / "all.yaml").write_text(PENDING)
    (tmp_path / "kubeconfig").write_text(NOBODY)
    read, written = os.pipe()
    os.close(read)
    arguments = [each.replace("@", f"{tmp_path}/") for each in command]
    done = subprocess.run(
        [sys.executable, "-m", "webhook", *arguments],
        stdout=written, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(written)

    assert (done.returncode, done.stderr) == (status, "")


PENDING = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {portcullis.dev/seal: pending}}
"""
NOBODY = """
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {}}]
"""


def test_the_controller_does_without_a_web_framework():
    """What it keeps in memory for its whole life has no Flask in it."""
    source = "import sys, webhook.bootstrap_controller; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )

    assert not {"flask", "jinja2", "gunicorn"} & set(done.stdout.split())
