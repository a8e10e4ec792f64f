"""What ``portcullis probe`` asks of a cluster: is Portcullis asked, and believed?"""

from typing import Any, Final

from webhook.cluster.client import Api, resource_path
from webhook.cluster.policies import GROUP
from webhook.deadline import Deadline
from webhook.errors import RefusedError
from webhook.model.profiles import POLICY_PREFIX

NAME: Final = f"{POLICY_PREFIX}probe"
"""Reserved for what Portcullis injects, so that it refuses the policy to everybody else."""


def try_reserved_name(api: Api, namespace: str, deadline: Deadline) -> str:
    """Create a NetworkPolicy that Portcullis refuses, as a dry run.

    Args:
        api: as whom, and where.
        namespace: where it would be created; any but Portcullis's own.
        deadline: for the request.

    Returns:
        The words of the refusal, whoever's they are; empty where it was let through.

    Raises:
        ClusterError: there was no answer, or not by the webhook that was called.
    """
    body: dict[str, Any] = {
        "apiVersion": "/".join(GROUP[1:]),
        "kind": "NetworkPolicy",
        "metadata": {"name": NAME, "namespace": namespace},
        "spec": {"podSelector": {"matchLabels": {"portcullis.dev/probe": "none"}}},
    }
    path = resource_path(*GROUP, "namespaces", namespace, "networkpolicies")
    try:
        api.create(path, body, deadline, dry=True)
    except RefusedError as error:
        return str(error)
    return ""
