"""Report objects of the cluster: which API it has for them, which stand, and writing one."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from webhook.cluster.client import METADATA_LIST, Api, Query, resource_path
from webhook.cluster.decoding import decode
from webhook.cluster.pages import Page, items
from webhook.deadline import Deadline
from webhook.errors import NotFoundError
from webhook.lint.policyreport import DIGEST_ANNOTATION, KINDS, NAME, Manifest, ReportKind
from webhook.model.namespace import MANAGED_BY, MANAGED_BY_LABEL
from webhook.model.objects import ObjectMeta
from webhook.model.policies import FIELD_MANAGER


class Standing(NamedTuple):
    """A report as it stands.

    Args:
        digest: that we gave it.
        generation: changes with every change of its content, whoever makes it.
    """

    digest: str
    generation: int


class _Meta(ObjectMeta, frozen=True, rename="camel"):
    generation: int = 0

    @property
    def standing(self) -> Standing:
        return Standing(self.annotation_map.get(DIGEST_ANNOTATION, ""), self.generation)


class _Report(msgspec.Struct, frozen=True):
    metadata: _Meta = _Meta()


class _Resource(msgspec.Struct, frozen=True):
    name: str = ""


class _Resources(msgspec.Struct, frozen=True):
    resources: list[_Resource] = []


_resources = msgspec.json.Decoder(_Resources)
_report = msgspec.json.Decoder(_Report)
_page = msgspec.json.Decoder(Page[_Report])

_OURS: Query = {"labelSelector": f"{MANAGED_BY_LABEL}={MANAGED_BY}"}


class Reports:
    """Reads and writes our reports.

    Args:
        api: may list, create and patch them.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def kind(self, deadline: Deadline) -> ReportKind | None:
        """The API of reports that this cluster has, None where it has none."""
        return next((kind for kind in KINDS if self._served(kind, deadline)), None)

    def standing(self, kind: ReportKind, deadline: Deadline) -> Mapping[str, Standing]:
        """Our reports by namespace."""
        path = resource_path("apis", kind.group, kind.version, kind.resource)
        reports = items(self._api, path, _page, deadline, accept=METADATA_LIST, selector=_OURS)
        return {
            item.metadata.namespace: item.metadata.standing
            for item in reports
            if item.metadata.name == NAME
        }

    def write(self, kind: ReportKind, manifest: Manifest, deadline: Deadline) -> Standing:
        """Put a report where it belongs, in place of the one before; how it stands then."""
        where = ("namespaces", manifest["metadata"]["namespace"], kind.resource, NAME)
        path = resource_path("apis", kind.group, kind.version, *where)
        raw = self._api.apply(path, manifest, deadline, manager=FIELD_MANAGER)
        return decode(_report, raw).metadata.standing

    def _served(self, kind: ReportKind, deadline: Deadline) -> bool:
        try:
            raw = self._api.get(resource_path("apis", kind.group, kind.version), deadline)
        except NotFoundError:
            return False
        return any(it.name == kind.resource for it in decode(_resources, raw).resources)
