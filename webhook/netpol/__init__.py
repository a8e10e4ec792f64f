"""What NetworkPolicies allow: connectivity, diff and explain. PURE.

The semantics are those of ``networking.k8s.io/v1`` (the field docs in
``staging/src/k8s.io/api/networking/v1/types.go`` and
https://kubernetes.io/docs/concepts/services-networking/network-policies/).
Modules, each importing only those before it:

``intervals`` → ``ports``, ``addresses``, ``labels`` → ``model`` → ``fields``, ``parse_*``,
``parse`` → ``bits``, ``table``, ``scope``, ``world`` → ``lens``, ``reach``, ``names``, ``rows``,
``engine``; ``verdict``, ``places``, ``explain`` answer single pairs without the sets,
``exposure`` foretells pods that are made later.
"""
