"""The command ``portcullis``: the controller, and what can be asked offline."""

import argparse
import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib import import_module
from typing import Any, TypeAlias

from webhook import __version__
from webhook.cli_output import write
from webhook.errors import PortcullisError

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - a type

MODULES = {
    "webhook.cli_netconf": ("netconf",),
    "webhook.cli_netpol": ("connectivity", "diff", "explain", "exposure"),
    "webhook.cli_lint": ("lint",),
    "webhook.cli_cni": ("cni",),
    "webhook.cli_default_deny": ("status", "release"),
    "webhook.cli_adopt": ("adopt",),
    "webhook.cli_probe": ("probe",),
    "webhook.cli_certs": ("certs",),
}
"""Where each command is; of these only the one that is asked for is loaded."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit status: 0 good, 1 findings, 2 could not be done.
    """
    given = sys.argv[1:] if argv is None else argv
    arguments = parser_of(given[0] if given else "").parse_args(given)
    try:
        with _no_collections() if given[0] != "controller" else nullcontext():
            return int(arguments.run(arguments))
    except PortcullisError as error:
        print(f"portcullis: {error}", file=sys.stderr)
        return 2


@contextmanager
def _no_collections() -> Iterator[None]:
    """Look for no cycles meanwhile: a command ends soon, and what it reads of files has none."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def parser_of(command: str) -> argparse.ArgumentParser:
    """Return a parser that knows a command; one that knows all of them where there is none such."""
    parser = argparse.ArgumentParser(prog="portcullis", description=__doc__)
    parser.add_argument("--version", action="version", version=f"portcullis {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    chosen = [module for module, names in MODULES.items() if command in names]
    if command not in _OWN:
        for module in chosen or MODULES:
            import_module(module).add_parsers(commands)
    if not chosen:
        for add in _OWN.values():
            add(commands)
    return parser


def _add_controller(commands: Commands) -> None:
    parser = commands.add_parser(
        "controller", help="seal namespaces and keep the certificates (runs in the cluster)"
    )
    parser.set_defaults(run=_controller)


def _controller(_arguments: argparse.Namespace) -> int:
    # Offline commands load none of it.
    import logging.config  # noqa: PLC0415

    from webhook import logs, settings  # noqa: PLC0415
    from webhook.bootstrap_controller import controller  # noqa: PLC0415

    environment = settings.load()
    logging.config.dictConfig(logs.config(environment.settings.logging.level))
    return controller(environment)


def _add_checks(commands: Commands) -> None:
    parser = commands.add_parser("checks", help="list the checks, or explain one")
    parser.add_argument("id", nargs="?", help="explain this check")
    parser.set_defaults(run=_checks)


def _checks(arguments: argparse.Namespace) -> int:
    explained = _explained()
    if arguments.id is None:
        return write(f"{check.id}\t{check.summary}\n" for check in explained)
    found = [check for check in explained if check.id == arguments.id]
    if not found:
        print(f"portcullis: no check has the id {arguments.id!r}", file=sys.stderr)
        return 2
    return write([f"{found[0].docs}\n"])


def _explained() -> Sequence[Any]:
    from webhook.checks import CHECKS  # noqa: PLC0415 - no other command needs them
    from webhook.lint.catalogue import ALL_LINTS  # noqa: PLC0415

    return (*CHECKS, *ALL_LINTS)


_OWN: dict[str, Callable[[Commands], None]] = {"controller": _add_controller, "checks": _add_checks}
