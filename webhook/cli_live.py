"""A live cluster in place of manifests, or beneath them: ``--live`` and ``--context``."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from webhook import __version__
from webhook.cli_output import note
from webhook.deadline import Deadline
from webhook.errors import NotFoundError, RefusedError
from webhook.manifests import ManifestError

Resource = tuple[str, str, str]
"""``apiVersion``, plural and kind."""

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

ATTACHMENTS = (
    ("k8s.cni.cncf.io/v1", "network-attachment-definitions", "NetworkAttachmentDefinition"),
)
"""What secondary networks are made of, where Multus is installed."""

FACTS = (
    ("v1", "nodes", "Node"),
    ("discovery.k8s.io/v1", "endpointslices", "EndpointSlice"),
    ("networking.k8s.io/v1", "servicecidrs", "ServiceCIDR"),
    ("rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "clusterrolebindings", "ClusterRoleBinding"),
    (
        *("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations"),
        "ValidatingWebhookConfiguration",
    ),
    (
        *("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations"),
        "MutatingWebhookConfiguration",
    ),
    ("apiregistration.k8s.io/v1", "apiservices", "APIService"),
    ("crd.projectcalico.org/v1", "networkpolicies", "NetworkPolicy"),
    ("crd.projectcalico.org/v1", "globalnetworkpolicies", "GlobalNetworkPolicy"),
    ("cilium.io/v2", "ciliumnetworkpolicies", "CiliumNetworkPolicy"),
    ("cilium.io/v2", "ciliumclusterwidenetworkpolicies", "CiliumClusterwideNetworkPolicy"),
    ("crd.antrea.io/v1beta1", "networkpolicies", "NetworkPolicy"),
    ("crd.antrea.io/v1beta1", "clusternetworkpolicies", "ClusterNetworkPolicy"),
    ("policy.networking.k8s.io/v1alpha1", "adminnetworkpolicies", "AdminNetworkPolicy"),
    (
        *("policy.networking.k8s.io/v1alpha1", "baselineadminnetworkpolicies"),
        "BaselineAdminNetworkPolicy",
    ),
)
"""What checks of `webhook.lint` make something of beside; clusters may lack it, users the right."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the choice of a cluster."""
    parser.add_argument(
        "--live", action="store_true", help="read the cluster; manifests count as applied to it"
    )
    parser.add_argument("--context", help="of the kubeconfig, in place of its current one")
    parser.add_argument("--kubeconfig", metavar="FILE", help="in place of $KUBECONFIG")


def live_objects(
    arguments: argparse.Namespace,
    facts: Iterable[Resource] = (),
) -> list[dict[str, Any]]:
    """Read the cluster that the arguments choose; nothing without ``--live``.

    Args:
        arguments: of the command line.
        facts: what else to read, where it is there; what the user may not read is told.

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
        deadline = Deadline.after(CALL_SECONDS)
        found = list(objects(api, RESOURCES, deadline))
        for resource in facts:
            try:
                found += objects(api, [resource], deadline)
            except NotFoundError:
                continue
            except RefusedError as error:
                note(f"not read: {resource[1]}: {error}")
        return found
    finally:
        api.close()
