"""The exceptions of Portcullis, rooted by who is at fault.

::

    PortcullisError
    ├── MalformedReviewError      the body is no AdmissionReview      → HTTP 400
    ├── SettingsError             the settings file is wrong          → refuses to start
    └── ClusterError              the API server was asked in vain
        ├── NotFoundError         404
        ├── AlreadyExistsError    409 on create
        ├── ConflictError         409 on update, or a uid that no longer fits
        ├── TooManyError          a list is longer than what was asked for
        ├── RefusedError          401, 403, 422: RBAC, quota, validation
        └── UnavailableError      no answer: connection, 429, 5xx
            └── DeadlineError     no answer within the request's time
"""


class PortcullisError(Exception):
    """Root of what Portcullis raises on purpose."""


class MalformedReviewError(PortcullisError):
    """The body is no AdmissionReview that the API server could have sent."""


class SettingsError(PortcullisError):
    """The settings are wrong; the message names the key and what was expected."""


class ClusterError(PortcullisError):
    """The API server was asked in vain; the message is fit for users."""


class NotFoundError(ClusterError):
    """The object is not there (404)."""


class AlreadyExistsError(ClusterError):
    """Somebody created the object first (409 on create)."""


class ConflictError(ClusterError):
    """The object changed meanwhile, or is another one of the same name (409)."""


class RefusedError(ClusterError):
    """The API server said no: RBAC, quota or validation (401, 403, 422)."""


class TooManyError(ClusterError):
    """There are more objects than the caller would look at."""


class UnavailableError(ClusterError):
    """The API server gave no answer: connection lost, 429 or 5xx."""


class DeadlineError(UnavailableError):
    """The API server gave no answer within the time the request had left."""
