"""What becomes of the namespaces that were there before Portcullis."""

from enum import StrEnum


class Backfill(StrEnum):
    """The setting of the same name."""

    OFF = "off"
    """They are left alone."""
    REPORT = "report"
    """They are told what default deny would cut off."""
    ENFORCE = "enforce"
    """They are adopted, one after the other."""
