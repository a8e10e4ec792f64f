"""A live cluster in place of manifests, or beneath them: ``--live`` and ``--context``."""

import argparse
from pathlib import Path
from typing import Any

from webhook import __version__
from webhook.deadline import Deadline
from webhook.manifests import ManifestError

CALL_SECONDS = 60.0
"""For a list of everything."""

RESOURCES = (
    ("v1", "namespaces", "Namespace"),
    ("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy"),
    ("v1", "services", "Service"),
    ("v1", "pods", "Pod"),
    ("v1", "replicationcontrollers", "ReplicationController"),
    ("apps/v1", "replicasets", "ReplicaSet"),
    ("apps/v1", "deployments", "Deployment"),
    ("apps/v1", "statefulsets", "StatefulSet"),
    ("apps/v1", "daemonsets", "DaemonSet"),
    ("batch/v1", "jobs", "Job"),
    ("batch/v1", "cronjobs", "CronJob"),
)
"""What `parse_world` makes something of; it takes Pods before the workloads that own them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the choice of a cluster."""
    parser.add_argument(
        "--live", action="store_true", help="read the cluster; manifests count as applied to it"
    )
    parser.add_argument("--context", help="of the kubeconfig, in place of its current one")
    parser.add_argument("--kubeconfig", metavar="FILE", help="in place of $KUBECONFIG")


def live_objects(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Read the cluster that the arguments choose; nothing without ``--live``.

    Raises:
        ManifestError: a cluster is chosen, and not asked for.
        ClusterError: the cluster could not be asked, or refused.
        SettingsError: there is no such cluster or context.
    """
    if not arguments.live:
        if arguments.context or arguments.kubeconfig:
            raise ManifestError("--context and --kubeconfig choose a cluster for --live")
        return []
    from webhook import settings  # noqa: PLC0415 - manifests do without all this
    from webhook.cluster.client import Api  # noqa: PLC0415
    from webhook.cluster.listing import objects  # noqa: PLC0415

    given = arguments.kubeconfig or settings.load().kubeconfig
    path = given or str(Path("~/.kube/config").expanduser())
    api = Api.connect(path, connections=1, version=__version__, context=arguments.context)
    try:
        return list(objects(api, RESOURCES, Deadline.after(CALL_SECONDS)))
    finally:
        api.close()
