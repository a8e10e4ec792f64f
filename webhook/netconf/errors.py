"""Why flannel would not start with a text, and where in it.

::

    ValueError
    └── NetConfError    the net-conf.json is one that flanneld exits on
"""

import re
from enum import StrEnum
from itertools import takewhile

from webhook.netconf.names import is_known
from webhook.netconf.place import Place, caret, place_of
from webhook.netconf.text import fold_all

_SECRET = re.compile(rb"psk|accesskey|ipsec|wireguard|tencent|[\w+/=-]{32}", re.IGNORECASE)
"""A key with a secret, a backend that has one under a key that is misspelt, or what looks like one.
"""
_SEARCHED = 32 * 1024
"""Bytes that are searched; megabytes would take seconds, and no configuration is so long."""


class Stage(StrEnum):
    """Where flanneld stops, in the order of its start-up (main.go)."""

    PARSE = "parse"
    """`subnet.ParseConfig`: the text is no JSON, or a value is not of its key's type."""
    NETWORK = "network-config"
    """`subnet.CheckNetworkConfig`: etcd mode only, retried every second for ever."""
    FAMILY = "family"
    """`ipmatch.GetIPFamily`: neither IPv4 nor IPv6 is enabled."""
    BACKEND_TYPE = "backend-type"
    """`backend.GetBackend`: no backend of that name."""
    BACKEND_CONFIG = "backend-config"
    """`RegisterNetwork`: the backend's own keys."""


class NetConfError(ValueError):
    """A net-conf.json that flannel would not start with.

    Args:
        stage: where flanneld stops.
        key: path of the key, dots between, empty for the text as a whole.
        expected: what had to stand there.
        got: what stands there, quoted for a message; empty where nothing does.
        hint: what was probably meant and how to write it, empty where it cannot be told.
        data: the text, for showing the line.
        offset: byte offset of the place in `data`.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        key: str,
        expected: str,
        got: str = "",
        hint: str = "",
        data: bytes = b"",
        offset: int = 0,
    ) -> None:
        super().__init__(stage, key, expected, got, hint)
        self.stage = stage
        self.key = key
        self.expected = expected
        self.got = got
        self.hint = hint
        self.offset = offset
        self._data = data

    @property
    def place(self) -> Place:
        """Line and column of the fault, 1-based, in characters."""
        return place_of(self._data, self.offset)

    @property
    def line(self) -> int:
        """The line of the fault, 1-based."""
        return self.place.line

    @property
    def column(self) -> int:
        """The column of the fault, 1-based, in characters."""
        return self.place.column

    @property
    def detail(self) -> str:
        """The message without place and key: what stands there, what had to, what was meant."""
        head = f"Invalid value: {self.got}: " if self.got else "Invalid value: "
        return head + self.expected + (f"; {self.hint}" if self.hint else "")

    def message(self, name: str = "net-conf.json", place: Place | None = None) -> str:
        """Return the message as apimachinery prints one, with the place before it."""
        key = f"{self.key}: " if self.key else ""
        return f"{name}:{place or self.place}: {key}{self.detail}"

    def __str__(self) -> str:
        return self.message()

    def caret(self) -> str:
        """Return the line of the fault with a caret under the place."""
        return caret(self._data, self.offset)

    @property
    def tells_secrets(self) -> bool:
        """Whether the text may hold a value that must not be shown, on whatever line."""
        if len(self._data) > _SEARCHED:
            return True
        texts = (self._data, fold_all(self._data).encode("utf-8", "replace"))
        return any(_SECRET.search(text) for text in texts)

    def discreet(self) -> "NetConfError":
        """Return the error as an answer of admission may tell it, which is kept in audit logs.

        Of a text that may hold a secret it quotes nothing: after a slip, what was meant as a value
        may stand where a key is expected. The author knows his text, and has line and column.
        """
        if not self.tells_secrets:
            return self
        return NetConfError(
            self.stage,
            key=".".join(takewhile(is_known, self.key.split("."))),
            expected=self.expected,
            hint="" if self.stage is Stage.PARSE else self.hint,  # those quote what was meant
            data=self._data,
            offset=self.offset,
        )
