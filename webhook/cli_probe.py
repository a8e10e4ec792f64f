"""The command ``portcullis probe``: does the API server ask Portcullis? Run by ``helm test``."""

import argparse
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from webhook import __version__, settings
from webhook.cli_cluster import NAME_YOURS, add_context, connect, identity
from webhook.cli_output import write
from webhook.deadline import Deadline
from webhook.errors import ClusterError, SettingsError

if TYPE_CHECKING:
    from webhook.cluster.client import Api

CALL_SECONDS: Final = 15.0
"""For one request; a webhook that hangs takes its own timeout of it."""
PAUSE_SECONDS: Final = 1.0
_GOOD: Final = "the API server asks Portcullis, trusts its certificate, and goes by its answer\n"
OURS: Final = 'admission webhook "networkpolicies.portcullis.dev" denied the request'


def add_parsers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "probe", help="see that the API server asks Portcullis, by a dry run; 1 if it does not"
    )
    parser.add_argument(
        "-n", "--namespace", default="default", help="of the dry run; not Portcullis's own"
    )
    parser.add_argument(
        "--wait", type=float, default=0, metavar="SECONDS", help="try again for so long"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--kubeconfig", metavar="FILE", help="of the cluster")
    where.add_argument("--in-cluster", action="store_true", help="as the Pod's ServiceAccount")
    add_context(parser)
    parser.add_argument(
        "--installation",
        metavar="NAMESPACE/NAME",
        type=identity,
        help="Portcullis's, whose name both webhook configurations bear",
    )
    parser.set_defaults(run=_probe)


def _probe(arguments: argparse.Namespace) -> int:
    api = _api(arguments)
    chosen = arguments.installation or settings.load().identity
    end = time.monotonic() + arguments.wait
    while wrong := _wrong(api, chosen.installation, arguments.namespace):
        if time.monotonic() >= end:
            write([f"{wrong}\n"])
            return 1
        time.sleep(PAUSE_SECONDS)
    return write([_GOOD])


def _api(arguments: argparse.Namespace) -> "Api":
    from webhook.cluster.client import Api  # noqa: PLC0415 - offline commands do without kubernetes

    if not arguments.in_cluster:
        return connect(arguments, connections=1)
    if arguments.context:
        raise SettingsError("--context is one of a kubeconfig, and --in-cluster has none")
    return Api.connect(None, connections=1, version=__version__)


def _wrong(api: "Api", installation: str, namespace: str) -> str:
    """What is wrong at this moment, empty if nothing is."""
    from webhook.cluster.bundles import WebhookBundles  # noqa: PLC0415 - as above
    from webhook.cluster.probe import try_reserved_name  # noqa: PLC0415 - as above

    try:
        bundles = WebhookBundles(api, installation).published()
        return lacking(installation, bundles) or misjudged(
            try_reserved_name(api, namespace, Deadline.after(CALL_SECONDS))
        )
    except ClusterError as error:
        return str(error)


def lacking(installation: str, bundles: Sequence[bytes]) -> str:
    """What the webhook configurations lack, empty if nothing.

    Args:
        installation: the name of both.
        bundles: the caBundle of each entry, empty where it has none.
    """
    if not bundles:
        return (
            f'no webhook configuration is called "{installation}": is Portcullis installed? If so, '
            f"{NAME_YOURS}"
        )
    missing = sum(not bundle for bundle in bundles)
    if missing:
        return (
            f"{missing} of {len(bundles)} webhook entries have no caBundle: the controller that "
            "leads writes it; see the log of the container controller"
        )
    return ""


def misjudged(refusal: str) -> str:
    """What is wrong with how a policy with a reserved name was refused, empty if nothing.

    Args:
        refusal: as the API server words it; empty where the policy was let through.
    """
    if not refusal:
        return (
            "a NetworkPolicy with a reserved name was let through: the API server did not ask "
            "Portcullis, or got no answer and failurePolicy is Ignore"
        )
    return "" if OURS in refusal else f"refused, but not by Portcullis: {refusal}"
