"""Whole objects of a cluster, as decoded JSON: for commands that read it as they read manifests."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from webhook.cluster.client import Api
from webhook.cluster.pages import Page, items
from webhook.deadline import Deadline

Resource = tuple[str, str, str]
"""``apiVersion``, plural and kind: ``("apps/v1", "deployments", "Deployment")``."""


_page = msgspec.json.Decoder(Page[dict[str, Any]])


def objects(
    api: Api, resources: Iterable[Resource], deadline: Deadline
) -> Iterator[dict[str, Any]]:
    """Yield every object of every namespace, page by page, as a manifest would have it.

    Raises:
        ClusterError: also halfway; nothing is passed over.
    """
    for version, plural, kind in resources:
        path = f"/{'apis' if '/' in version else 'api'}/{version}/{plural}"
        for each in items(api, path, _page, deadline):
            # Items of a typed list carry neither.
            yield {"apiVersion": version, "kind": kind, **each}
