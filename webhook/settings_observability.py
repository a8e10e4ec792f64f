"""The sections of the settings file about what Portcullis tells of itself."""

from typing import Annotated, Literal

import msgspec

from webhook.settings_section import Section


class LoggingSettings(Section, frozen=True):
    """What is logged.

    Args:
        level: ``debug`` also tells every review that was allowed.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"


class EventSettings(Section, frozen=True):
    """Which Kubernetes Events are recorded, beside overrides and what the controller does.

    Args:
        refusals: who is refused is told so anyway, and whoever may write could have us write.
    """

    refusals: bool = False


class TracingSettings(Section, frozen=True):
    """OpenTelemetry spans of reviews and reconciles; where they go, OTEL_ variables tell.

    Args:
        enabled: needs libraries that the image lacks, hence off.
    """

    enabled: bool = False


class ReportSettings(Section, frozen=True):
    """Reports on the NetworkPolicies of each namespace, for whatever shows such reports.

    Args:
        enabled: needs more rights, hence off.
        max_results: of one report; the most severe ones.
        per_second: reports that are written in a second at most.
    """

    enabled: bool = False
    max_results: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    per_second: Annotated[float, msgspec.Meta(gt=0, le=100)] = 2.0
