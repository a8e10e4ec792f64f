"""The command ``portcullis``: the controller, and what can be asked offline."""

import argparse
import logging.config
import sys
from collections.abc import Sequence
from typing import Any

from webhook import (
    __version__,
    cli_adopt,
    cli_certs,
    cli_cni,
    cli_default_deny,
    cli_lint,
    cli_netconf,
    cli_netpol,
    cli_probe,
    logs,
    settings,
)
from webhook.checks import CHECKS
from webhook.checks.registry import Check
from webhook.errors import PortcullisError
from webhook.lint.catalogue import ALL_LINTS
from webhook.lint.registry import Lint

_EXPLAINED: tuple[Check[Any] | Lint[Any], ...] = (*CHECKS, *ALL_LINTS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit status: 0 good, 1 findings, 2 could not be done.
    """
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except PortcullisError as error:
        print(f"portcullis: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="portcullis", description=__doc__)
    parser.add_argument("--version", action="version", version=f"portcullis {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_controller(commands)
    _add_checks(commands)
    cli_netconf.add_parser(commands)
    cli_netpol.add_parsers(commands)
    cli_lint.add_parser(commands)
    cli_cni.add_parser(commands)
    cli_default_deny.add_parsers(commands)
    cli_adopt.add_parser(commands)
    cli_probe.add_parser(commands)
    cli_certs.add_parser(commands)
    return parser


def _add_controller(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "controller", help="seal namespaces and keep the certificates (runs in the cluster)"
    )
    parser.set_defaults(run=_controller)


def _controller(_arguments: argparse.Namespace) -> int:
    from webhook.bootstrap_controller import controller  # noqa: PLC0415 - offline commands load none

    environment = settings.load()
    logging.config.dictConfig(logs.config(environment.settings.logging.level))
    return controller(environment)


def _add_checks(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("checks", help="list the checks, or explain one")
    parser.add_argument("id", nargs="?", help="explain this check")
    parser.set_defaults(run=_checks)


def _checks(arguments: argparse.Namespace) -> int:
    if arguments.id is None:
        for check in _EXPLAINED:
            print(f"{check.id}\t{check.summary}")
        return 0
    found = [check for check in _EXPLAINED if check.id == arguments.id]
    if not found:
        print(f"portcullis: no check has the id {arguments.id!r}", file=sys.stderr)
        return 2
    print(found[0].docs)
    return 0
