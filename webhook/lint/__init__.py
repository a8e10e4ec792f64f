"""Mistakes in NetworkPolicies that the API server accepts. PURE: from objects to findings.

``registry`` ← ``facts``, ``cluster`` ← ``subject``, ``groups``, ``selectors``, ``dns`` ←
``checks/*`` ← ``catalogue`` ← ``runner`` ← ``report`` ← ``render/*`` (what is printed).
"""
