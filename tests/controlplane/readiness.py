"""Readiness of Pods that no kubelet runs, told to the API server as a kubelet tells it."""

import time
from collections.abc import Mapping

import kubernetes

from .errors import ControlPlaneError

SECONDS = 15.0
"""Until controllers have made the Pods, and counted them."""


def tell(
    api: kubernetes.client.ApiClient,
    namespace: str,
    labels: Mapping[str, str],
    *,
    ready: int,
    budget: str,
) -> None:
    """Make so many Pods ready, the others not, and wait until a PodDisruptionBudget says so.

    Args:
        api: as whom.
        namespace: of the Pods and the budget.
        labels: of the Pods.
        ready: how many; all, where there are fewer.
        budget: its name; where there is none, nobody counts and nothing is awaited.

    Raises:
        ControlPlaneError: it is not counted in time.
    """
    end = time.monotonic() + SECONDS
    while True:
        _mark(kubernetes.client.CoreV1Api(api), namespace, labels, ready)
        counted = _counted(kubernetes.client.PolicyV1Api(api), namespace, budget)
        if counted is None or bool(counted) is bool(ready):
            return
        if time.monotonic() > end:
            raise ControlPlaneError(f"budget {budget} counts {counted} ready Pods of {ready}")
        time.sleep(0.1)


def _mark(
    core: kubernetes.client.CoreV1Api, namespace: str, labels: Mapping[str, str], ready: int
) -> None:
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    pods = core.list_namespaced_pod(namespace, label_selector=selector).items
    names = sorted(pod.metadata.name for pod in pods if not pod.metadata.deletion_timestamp)
    for number, name in enumerate(names):
        condition = {"type": "Ready", "status": "True" if number < ready else "False"}
        try:
            core.patch_namespaced_pod_status(
                name, namespace, {"status": {"conditions": [condition]}}
            )
        except kubernetes.client.ApiException as error:
            if error.status != 404:  # a rollout has taken it away
                raise


def _counted(policy: kubernetes.client.PolicyV1Api, namespace: str, name: str) -> int | None:
    found = policy.list_namespaced_pod_disruption_budget(
        namespace, field_selector=f"metadata.name={name}"
    ).items
    return int(found[0].status.current_healthy or 0) if found and found[0].status else None
