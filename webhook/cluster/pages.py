"""Lists of the API server, page by page."""

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

from webhook.cluster.client import JSON, Api, Query
from webhook.cluster.decoding import ListMeta, decode
from webhook.deadline import Deadline

PAGE = 500
"""Objects to a page, as client-go's pager: some 7 MB of Nodes, of which we decode a hundredth."""

Item = TypeVar("Item")


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """A page of a list."""

    metadata: ListMeta = ListMeta()
    items: list[Item] | None = None  # an empty list of metadata is null


def items(
    api: Api,
    path: str,
    decoder: "msgspec.json.Decoder[Page[Item]]",
    deadline: Deadline,
    *,
    accept: str = JSON,
    selector: Query | None = None,
) -> Iterator[Item]:
    """Yield the items of a list; a page is fetched when it is asked for.

    Args:
        api: as whom, and where.
        path: of the list.
        decoder: of a page.
        deadline: for all pages together.
        accept: the form that is asked for.
        selector: ``labelSelector`` and ``fieldSelector``.

    Raises:
        ClusterError: also halfway; nothing is passed over.
    """
    token = ""
    while True:
        query = query_of(selector or {}, PAGE, token)
        page = decode(decoder, api.get(path, deadline, query=query, accept=accept))
        yield from page.items or ()
        token = page.metadata.token
        if not token:
            return


def query_of(selector: Query, limit: int, token: str) -> Query:
    """The query for a page; the token is that of the page before, empty for the first."""
    return {**selector, "limit": limit, **({"continue": token} if token else {})}
