"""Whole objects of a cluster, as decoded JSON: for commands that read it as they read manifests."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from webhook.cluster.client import Api, Query
from webhook.cluster.decoding import ListMeta, decode
from webhook.deadline import Deadline

PAGE = 500

Resource = tuple[str, str, str]
"""``apiVersion``, plural and kind: ``("apps/v1", "deployments", "Deployment")``."""


class _Page(msgspec.Struct, frozen=True):
    metadata: ListMeta = ListMeta()
    items: list[dict[str, Any]] | None = None


_page = msgspec.json.Decoder(_Page)


def objects(
    api: Api, resources: Iterable[Resource], deadline: Deadline
) -> Iterator[dict[str, Any]]:
    """Yield every object of every namespace, page by page, as a manifest would have it.

    Raises:
        ClusterError: also halfway; nothing is passed over.
    """
    for version, plural, kind in resources:
        path = f"/{'apis' if '/' in version else 'api'}/{version}/{plural}"
        token = ""
        while True:
            query: Query = {"limit": PAGE} | ({"continue": token} if token else {})
            page = decode(_page, api.get(path, deadline, query=query))
            # Items of a typed list carry neither.
            yield from ({"apiVersion": version, "kind": kind, **each} for each in page.items or ())
            token = page.metadata.token
            if not token:
                break
