"""The cluster that reviews are judged in: the example's, with pods that the policies speak of."""

import json
import shutil
from pathlib import Path
from typing import Any

import workload  # beside this file

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "cluster"
APPS = {
    "dev": ("cart", "cart-db", "web"),
    "shop": ("frontend", "checkout", "search", "reporting"),
}
REPLICAS = 4


def write(folder: Path) -> Path:
    """Write the manifests, and return their folder."""
    shutil.copytree(EXAMPLE, folder)
    pods = [
        _pod(namespace, app, number, 256 * at + 10 * nth + number)
        for at, (namespace, apps) in enumerate(APPS.items(), start=1)
        for nth, app in enumerate(apps)
        for number in range(REPLICAS)
    ]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [*pods, workload.policy()]})
    (folder / "workload.json").write_text(text, encoding="utf-8")
    return folder


def _pod(namespace: str, app: str, number: int, at: int) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": app, "tier": "backend", "team": "shop"}
    address = f"10.244.{at // 256}.{at % 256}"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": f"{app}-{number}", "labels": labels},
        "spec": {"containers": [{"name": app, "image": app}]},
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
    }
