"""The choice of a cluster, and of an installation in it, for the commands that ask one."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from webhook import __version__, settings
from webhook.deadline import Deadline
from webhook.errors import NotFoundError

if TYPE_CHECKING:
    from webhook.cluster.adopt import Adopter
    from webhook.cluster.client import Api

INSTALLATION: Final = "portcullis-system/portcullis"
"""The one that `helm install portcullis` makes in the namespace that the documentation has."""
NAME_YOURS: Final = "name yours by --installation NAMESPACE/NAME"


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Add the choice of a cluster."""
    parser.add_argument("--kubeconfig", metavar="FILE", help="of the cluster")
    add_context(parser)


def add_context(parser: argparse.ArgumentParser) -> None:
    """Add the choice of a cluster that a kubeconfig has."""
    parser.add_argument("--context", help="of the kubeconfig, in place of its current one")


def add_installation(parser: argparse.ArgumentParser) -> None:
    """Add the choice of an installation."""
    parser.add_argument(
        "--installation",
        metavar="NAMESPACE/NAME",
        type=identity,
        default=INSTALLATION,
        help="Portcullis's ConfigMap (%(default)s)",
    )


def identity(text: str) -> settings.Identity:
    """The installation that ``NAMESPACE/NAME`` names."""
    namespace, _, name = text.partition("/")
    if not namespace or not name or "/" in name:
        raise argparse.ArgumentTypeError(f"must be NAMESPACE/NAME, got {text!r}")
    return settings.Identity(namespace=namespace, installation=name)


def connect(arguments: argparse.Namespace, *, connections: int) -> "Api":
    """Return the API server that the arguments choose; nothing is sent yet.

    Raises:
        SettingsError: there is no such cluster or context.
    """
    from webhook.cluster.client import Api  # noqa: PLC0415 - offline commands do without kubernetes

    given = arguments.kubeconfig or settings.load().kubeconfig
    path = given or str(Path("~/.kube/config").expanduser())
    return Api.connect(
        path, connections=connections, version=__version__, context=arguments.context
    )


def settings_of(
    adopter: "Adopter", installation: settings.Identity, deadline: Deadline
) -> settings.Settings:
    """Read the settings of an installation.

    Raises:
        NotFoundError: there is none of that name; says how to name another.
        SettingsError: they cannot be read.
    """
    try:
        return adopter.settings(deadline)
    except NotFoundError as error:
        raise NotFoundError(f"{error} in {installation.namespace}; {NAME_YOURS}") from error
