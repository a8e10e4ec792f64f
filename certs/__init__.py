"""Certificates of the webhook: a shared authority, short-lived leaves, rotation without a gap.

The design is cert-manager's (pkg/server/tls) with an overlap of authorities added: only the CA's
Secret is shared, each replica signs its own serving certificate in memory, and a new CA stands in
every caBundle before anyone signs with it. Decisions are pure (`authority`, `bundle`, `state`,
`renewal`); `store`, `rotation` and `serving` do the reading and writing. This package knows nothing
of the webhook.
"""
