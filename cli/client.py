"""The way to the coordinator's API, with the standard library alone."""

import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from pangea.core.errors import (
    Conflict,
    NotAllowed,
    NotFound,
    PangeaError,
    Unreachable,
    UsageError,
)
from pangea.core.text import safe_text

from .trust import Connection, Trust

CONNECT_S = 5.0
ANSWER_S = 20.0
#: The stream says something at least this often, if only a comment.
SILENCE_S = 60.0
MAX_ANSWER = 64 * 1024 * 1024
MAX_LINE = 1024 * 1024

#: HTTP status → what it means for a person and a script.
MEANING: dict[int, type[PangeaError]] = {
    400: UsageError,
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    415: UsageError,
    421: NotAllowed,
    422: UsageError,
    429: NotAllowed,
}


class Event(NamedTuple):
    """One event of the stream; ``data`` is what its JSON says."""

    id: str
    kind: str
    data: Any


class Client:
    """Asks one coordinator; every error is one of ``pangea.core.errors``.

    *looked* tells where the token was looked for, *trust* which certificate is
    right, *say* takes lines for ``-v``.
    """

    def __init__(
        self,
        server: str,
        token: str = "",
        *,
        looked: str = "",
        trust: Trust | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.server = server.rstrip("/")
        self._url = _checked(self.server)
        self._token = token
        self._looked = looked
        self._trust = trust or Trust()
        self._say = say or (lambda line: None)

    def get(self, path: str, **query: Any) -> Any:
        """Return what ``GET /api/v1/path`` answers."""
        return self._ask("GET", path, query)

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        """Return what ``POST /api/v1/path`` answers."""
        return self._ask("POST", path, query, {} if body is None else body)

    def patch(self, path: str, body: Any) -> Any:
        """Return what ``PATCH /api/v1/path`` answers."""
        return self._ask("PATCH", path, {}, body)

    def put(self, path: str, body: Any) -> Any:
        """Return what ``PUT /api/v1/path`` answers."""
        return self._ask("PUT", path, {}, body)

    def delete(self, path: str) -> Any:
        """Return what ``DELETE /api/v1/path`` answers."""
        return self._ask("DELETE", path, {})

    def items(self, path: str, limit: int | None = None, **query: Any) -> list[Any]:
        """Return the items of a list, page after page, at most *limit*."""
        found: list[Any] = []
        while limit is None or len(found) < limit:
            if limit is not None:
                query["limit"] = min(limit - len(found), 1000)
            page = self.get(path, **query)
            if not isinstance(page, dict) or not isinstance(page.get("items"), list):
                raise PangeaError(f"{self.server} answers without items")
            found += page["items"]
            if not page.get("next") or not page["items"]:
                break
            query["cursor"] = page["next"]
        return found

    def events(self, kinds: str) -> Iterator[Event]:
        """Yield events of *kinds* as they happen, until the stream ends.

        The first is always ``open``. Raises Unreachable when the coordinator is
        gone or silent for a minute.
        """
        target = f"/api/v1/events?{urlencode({'kinds': kinds})}"
        headers = {"Accept": "text/event-stream"}
        with closing(self._connect()) as connection:
            try:
                answer = self._send(
                    connection, "GET", target, None, headers, wait_s=SILENCE_S
                )
                if answer.status != 200:
                    raise self._problem(answer.status, _bounded(answer))
                yield Event("", "open", None)
                yield from _parse_events(answer)
            except (OSError, http.client.HTTPException) as error:
                raise self._unreachable(error) from error

    def lines(
        self, path: str, body: Any = None, wait_s: float = SILENCE_S, **query: Any
    ) -> Iterator[Any]:
        """Yield each line of JSON that ``POST /api/v1/path`` answers, as it comes.

        Without a *body* it is a ``GET``. *wait_s* is the longest silence, in seconds;
        Unreachable after that, and if the answer is cut short.
        """
        target, method = _target(path, query), "GET" if body is None else "POST"
        with closing(self._connect()) as connection:
            try:
                answer = self._send(connection, method, target, body, {}, wait_s)
                if answer.status != 200:
                    raise self._problem(answer.status, _bounded(answer))
                while line := answer.readline(MAX_LINE):
                    yield self._decoded(line)
            except (OSError, http.client.HTTPException) as error:
                raise self._unreachable(error) from error

    def _ask(
        self, method: str, path: str, query: dict[str, Any], body: Any = None
    ) -> Any:
        target = _target(path, query)
        begun = time.perf_counter()
        with closing(self._connect()) as connection:
            try:
                answer = self._send(connection, method, target, body, {})
                raw = _bounded(answer)
            except (OSError, http.client.HTTPException) as error:
                raise self._unreachable(error) from error
        spent_ms = (time.perf_counter() - begun) * 1000
        self._say(f"{method} {self.server}{target} {answer.status} {spent_ms:.0f} ms")
        if answer.status >= 300:
            raise self._problem(answer.status, raw)
        return self._decoded(raw)

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            return Connection(host, port, CONNECT_S, self._trust)
        return http.client.HTTPConnection(host, port, timeout=CONNECT_S)

    def _send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        body: Any,
        headers: dict[str, str],
        wait_s: float = ANSWER_S,
    ) -> http.client.HTTPResponse:
        connection.connect()
        connection.sock.settimeout(wait_s)
        sent = {"Accept": "application/json", "User-Agent": "pangea", **headers}
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        raw = None if body is None else json.dumps(body).encode()
        if raw is not None:
            sent["Content-Type"] = "application/json"
        connection.request(method, self._url.path.rstrip("/") + target, raw, sent)
        return connection.getresponse()

    def _decoded(self, raw: bytes) -> Any:
        if not raw:
            return None
        try:
            return json.loads(raw)
        except ValueError as error:
            raise PangeaError(
                f"{self.server} answers something else than JSON: "
                f"{safe_text(raw, 60)!r}",
                hint="does --server name a Pangea coordinator?",
            ) from error

    def _problem(self, status: int, raw: bytes) -> PangeaError:
        """Return the error that a problem document means."""
        try:
            problem = json.loads(raw)
        except ValueError:
            problem = None
        if status in (307, 426) and self._url.scheme == "http":
            rest = self.server.removeprefix("http")
            return Unreachable(
                f"the coordinator at {self.server} speaks TLS",
                hint=f"name it with --server https{rest}",
            )
        if not isinstance(problem, dict) or "title" not in problem:
            return PangeaError(
                f"{self.server} answers {status} without saying why",
                hint="does --server name a Pangea coordinator?",
            )
        said = problem.get("detail") or problem["title"]
        hint = problem.get("hint") or ""
        kind = MEANING.get(status, PangeaError)
        if kind is NotAllowed:
            hint = self._token_hint() if status == 401 else hint
        return kind(safe_text(said, 1000), hint=safe_text(hint, 1000))

    def _token_hint(self) -> str:
        if self._token:
            return f"the token from {self._looked} is not valid here: --token-file FILE"
        return (
            f"no token found ({self._looked}): give --token-file FILE, or run it "
            "as the user of the coordinator"
        )

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(
            f"cannot reach the coordinator at {self.server} ({_why(error)})",
            hint="start one with: pangea run, or name another with --server URL",
        )


def _target(path: str, query: dict[str, Any]) -> str:
    given = {k: v for k, v in query.items() if v is not None}
    return f"/api/v1/{path}" + (f"?{urlencode(given)}" if given else "")


def path_of(*parts: str) -> str:
    """Return a path below the API, each part quoted."""
    return "/".join(quote(part, safe="") for part in parts)


def _checked(server: str) -> Any:
    url = urlsplit(server)
    try:
        good = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        good = False
    if not good or any(c <= " " or c > "~" for c in server):
        raise UsageError(
            f"--server: {safe_text(server, 80)!r} is not a URL",
            hint="write it like http://127.0.0.1:7464",
        )
    return url


def _bounded(answer: http.client.HTTPResponse) -> bytes:
    raw = answer.read(MAX_ANSWER + 1)
    if len(raw) > MAX_ANSWER:
        raise PangeaError("the answer is larger than 64 MiB", hint="use --limit")
    return raw


def _parse_events(answer: http.client.HTTPResponse) -> Iterator[Event]:
    """Yield the events of a stream (WHATWG HTML, 9.2.6)."""
    last_id, kind = "", ""
    data: list[str] = []
    while line := answer.readline(MAX_LINE):
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            last_id = value
        elif name == "event":
            kind = value
        elif name == "data" and len(data) < 1000:
            data.append(value)
        elif not text:
            if data:
                yield Event(last_id, kind, _json_or_none("\n".join(data)))
            kind, data = "", []


def _json_or_none(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, http.client.IncompleteRead):
        return "the answer was cut short"
    if isinstance(error, ssl.SSLError):
        return safe_text(error.reason or str(error)).lower().replace("_", " ")
    if isinstance(error, socket.gaierror):
        return "the name is not known"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return safe_text(str(error) or type(error).__name__)
