"""The live cluster: the only package that speaks to an API server, and imports `kubernetes`.

Requests are raw JSON through the client's connection pool and credentials: the generated models
validate with pydantic what the API server has validated already, and cost more than the call.
"""

from webhook.cluster.partial import by_modules

by_modules("kubernetes", "kubernetes.config", "kubernetes.utils")
