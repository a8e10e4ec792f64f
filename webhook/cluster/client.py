"""Requests to the API server: raw JSON out, raw bytes back, every failure a `ClusterError`.

`kubernetes` brings the configuration, TLS, proxies and credentials; requests are not sent by its
`ApiClient`, because it retries reads three times whatever their timeout, sends bytes only under
media types that are not JSON, and lets urllib3's exceptions through.

Tokens: a ServiceAccount's token changes on disk about hourly (a projected volume). The package
reads the file again when its copy is older than a minute
(kubernetes/config/incluster_config.py, ``_token_refresh_period``), from a hook that runs each time
the authorization header is made. `Api` makes that header anew for every attempt.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import urllib3
from kubernetes.client.configuration import Configuration
from kubernetes.client.rest import RESTClientObject
from kubernetes.config.config_exception import ConfigException
from kubernetes.config.incluster_config import load_incluster_config
from kubernetes.utils.keepalive import tcp_keepalive_socket_options

from webhook import waiting
from webhook.cluster.status import error_of, error_of_transport
from webhook.deadline import Deadline
from webhook.errors import DeadlineError, SettingsError, UnavailableError

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
"""Server-side apply; JSON is YAML, and the API server takes it under this type alone."""
JSON_PATCH = "application/json-patch+json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

MAX_ATTEMPTS = 10
"""Of one request, where the API server asks to come again (client-go: WithMaxRetries)."""

Query = Mapping[str, str | int]

_SUCCESS = range(200, 300)
_COME_AGAIN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, *range(500, 600)})

_encoder = msgspec.json.Encoder()


def resource_path(*segments: str) -> str:
    """The path of a resource: ``("api", "v1", "nodes")`` → ``/api/v1/nodes``."""
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


@dataclass(frozen=True, slots=True)
class _Request:
    """One exchange, ready to be sent as often as needed."""

    method: str
    path: str
    query: Query = field(default_factory=dict)
    accept: str = JSON
    body: bytes | None = None
    content_type: str = JSON


class Stream:
    """An answer that is read line by line while it grows."""

    def __init__(self, response: urllib3.BaseHTTPResponse, host: str) -> None:
        self._response = response
        self._host = host

    def lines(self) -> Iterator[bytes]:
        """Each line, without its end; a cut last line is left out.

        Raises:
            UnavailableError: the connection broke, or stayed silent for too long.
        """
        rest = b""
        try:
            for chunk in self._response.stream(amt=None):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines
        except urllib3.exceptions.HTTPError as error:
            raise error_of_transport(error, self._host) from error

    def interrupt(self) -> None:
        """End `lines` from another thread."""
        self._response.shutdown()


class Api:
    """An API server, as one identity.

    Thread-safe. Make it after a fork: connections must not be shared by processes.

    Args:
        configuration: where, and with which credentials.
        connections: kept open; as many as threads will call at once, watches among them. More
            still work, but each of them is made anew (urllib3 warns "pool is full").
        version: of Portcullis, for the user agent.
        sleep: waits before a retry; a test passes its own.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        connections: int,
        version: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        configuration.connection_pool_maxsize = connections
        # A peer that vanished is noticed in half a minute, also by a watch that only listens.
        configuration.socket_options = tcp_keepalive_socket_options(idle=15, interval=5, count=3)
        self._configuration = configuration
        self._pool = RESTClientObject(configuration).pool_manager
        self._agent = f"portcullis/{version}"
        self._sleep = sleep

    @classmethod
    def connect(
        cls, kubeconfig: str | None, *, connections: int, version: str, context: str | None = None
    ) -> "Api":
        """Read a configuration; nothing is sent yet.

        Args:
            kubeconfig: path, or None for the Pod's own ServiceAccount.
            connections: as above.
            version: as above.
            context: of the kubeconfig; None for its current one.

        Raises:
            SettingsError: there is no usable configuration.
        """
        configuration = Configuration()
        try:
            if kubeconfig is None:
                load_incluster_config(configuration)  # type: ignore[no-untyped-call] # package
            else:
                _load_kubeconfig(kubeconfig, context, configuration)
        except (ConfigException, OSError) as error:
            source = kubeconfig or "the Pod's ServiceAccount"
            raise SettingsError(f"no way to the API server by {source}: {error}") from error
        return cls(configuration, connections=connections, version=version)

    @property
    def host(self) -> str:
        """URL of the API server."""
        return str(self._configuration.host)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def get(
        self, path: str, deadline: Deadline, *, query: Query | None = None, accept: str = JSON
    ) -> bytes:
        """GET; raises `ClusterError`, as do all of these."""
        return self._send(_Request("GET", path, query or {}, accept), deadline)

    def create(self, path: str, body: Any, deadline: Deadline, *, dry: bool = False) -> bytes:
        """POST an object; sent again where the connection broke, so it must bear repetition."""
        query: Query = {"dryRun": "All"} if dry else {}
        return self._send(_Request("POST", path, query, body=_encoder.encode(body)), deadline)

    def replace(self, path: str, body: Any, deadline: Deadline) -> bytes:
        """PUT an object; its resourceVersion decides whether it is still the one read."""
        return self._send(_Request("PUT", path, body=_encoder.encode(body)), deadline)

    def apply(
        self,
        path: str,
        body: Any,
        deadline: Deadline,
        *,
        manager: str,
        force: bool = True,
        accept: str = METADATA,
        dry: bool = False,
    ) -> bytes:
        """Server-side apply, forced unless told otherwise: what we apply is ours to set.

        Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts,
        which asks controllers to force.
        """
        options = {"fieldManager": manager, "force": "true" if force else "false"}
        query: Query = options | ({"dryRun": "All"} if dry else {})
        encoded = _encoder.encode(body)
        return self._send(_Request("PATCH", path, query, accept, encoded, APPLY), deadline)

    def patch(self, path: str, operations: Any, deadline: Deadline, *, manager: str = "") -> bytes:
        """JSON patch (RFC 6902)."""
        query: Query = {"fieldManager": manager} if manager else {}
        encoded = _encoder.encode(operations)
        return self._send(_Request("PATCH", path, query, JSON, encoded, JSON_PATCH), deadline)

    def delete(self, path: str, options: Any, deadline: Deadline) -> bytes:
        """DELETE with options, whose preconditions make it bear repetition."""
        return self._send(_Request("DELETE", path, body=_encoder.encode(options)), deadline)

    @contextmanager
    def stream(
        self, path: str, *, query: Query, accept: str, connect: float, silence: float
    ) -> Iterator[Stream]:
        """GET an answer that does not end soon.

        Args:
            path: of the resource.
            query: its parameters.
            accept: media type.
            connect: seconds until the answer must have begun.
            silence: seconds without a byte, after that, until the peer is taken for gone.
        """
        timeout = urllib3.Timeout(total=connect)
        response = self._attempt(_Request("GET", path, query, accept), timeout)
        try:
            if response.status != HTTPStatus.OK:
                raise error_of(response.status, self._read(response))
            connection = response.connection
            if isinstance(connection, urllib3.connection.HTTPConnection) and connection.sock:
                connection.sock.settimeout(silence)
            yield Stream(response, self.host)
        finally:
            # Not released to the pool: the rest of the answer is still on its way.
            response.close()

    def _send(self, request: _Request, deadline: Deadline) -> bytes:
        """Send, and again where the API server asks for it and time is left."""
        waiting.begins()
        broken = False
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                response = self._attempt(request, _timeout(deadline))
                body = self._read(response)
            except _BrokenError as error:
                # The API server closed a connection that we kept: once is no news.
                if broken:
                    raise UnavailableError(str(error)) from error.__cause__
                broken = True
                continue
            if response.status in _SUCCESS:
                return body
            pause = _retry_after(response)
            if pause is None or attempt == MAX_ATTEMPTS or pause >= deadline.remaining():
                raise error_of(response.status, body)
            self._sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, request: _Request, timeout: urllib3.Timeout) -> urllib3.BaseHTTPResponse:
        url = self.host + request.path
        if request.query:
            url += "?" + urlencode(request.query)
        try:
            return self._pool.request(
                request.method,
                url,
                body=request.body,
                headers=self._headers(request),
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise self._translated(error) from error

    def _read(self, response: urllib3.BaseHTTPResponse) -> bytes:
        try:
            return bytes(response.data)
        except urllib3.exceptions.HTTPError as error:
            raise self._translated(error) from error

    def _translated(self, error: urllib3.exceptions.HTTPError) -> Exception:
        translated = error_of_transport(error, self.host)
        if isinstance(error, urllib3.exceptions.ProtocolError):
            return _BrokenError(str(translated))
        return translated

    def _headers(self, request: _Request) -> dict[str, str]:
        headers = {"User-Agent": self._agent, "Accept": request.accept}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        try:
            token = self._configuration.get_api_key_with_prefix("BearerToken", "authorization")
        except (ConfigException, OSError) as error:
            raise UnavailableError(f"the credentials cannot be read: {error}") from error
        if token:
            headers["authorization"] = token
        return headers


class _BrokenError(UnavailableError):
    """The connection broke underway."""


def _load_kubeconfig(path: str, context: str | None, configuration: Configuration) -> None:
    from kubernetes.config.kube_config import load_kube_config  # noqa: PLC0415 - no replica needs it

    load_kube_config(path, context=context, client_configuration=configuration)  # type: ignore[no-untyped-call] # package


def _timeout(deadline: Deadline) -> urllib3.Timeout:
    remaining = deadline.remaining()
    if not remaining:
        raise DeadlineError("no time was left to ask the API server")
    return urllib3.Timeout(total=remaining)


def _retry_after(response: urllib3.BaseHTTPResponse) -> float | None:
    """Seconds after which the API server would have us come again.

    Source: k8s.io/client-go/rest/with_retry.go: 429 and 5xx with Retry-After in seconds.
    """
    if response.status not in _COME_AGAIN:
        return None
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None
