"""Admission: attributes in, response out. Gathers, lets the checks judge, answers."""

from webhook.admission.decide import Admission

__all__ = ["Admission"]
