"""What the parsers raise: the object, the field and the value are always named."""

from webhook.errors import PortcullisError

Path = tuple[str | int, ...]
"""A place in a JSON document: field names and list indices from the root."""


def path_text(path: Path) -> str:
    """Print a path as apimachinery's ``field.Path`` does: ``spec.ingress[0].from``."""
    text = ""
    for step in path:
        if isinstance(step, int) or "." in step or "/" in step:
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


class FieldError(PortcullisError):
    """A field has a value that the API server would refuse.

    Args:
        path: where in the object.
        detail: what is wrong, as apimachinery words it.
    """

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(f"{path_text(path)}: {detail}")
        self.path = path
        self.detail = detail


class InvalidObjectError(PortcullisError):
    """An object of the input is invalid.

    Args:
        subject: kind and name of the object.
        index: its position in the input.
        error: the field and what is wrong with it.
    """

    def __init__(self, subject: str, index: int, error: FieldError) -> None:
        super().__init__(f"{subject}: {error}")
        self.index = index
        self.path = error.path


class UnknownEndpointError(PortcullisError):
    """A question names a pod, Service, address or port that cannot be found."""
