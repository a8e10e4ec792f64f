"""What becomes of a finding in admission; settings name it without loading the checks."""

from enum import StrEnum


class Action(StrEnum):
    """What becomes of a finding."""

    DENY = "deny"
    WARN = "warn"
    OFF = "off"
