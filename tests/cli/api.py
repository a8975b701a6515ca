"""A small coordinator's API on loopback: what it answers is set by the test."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Api:
    """``answers`` maps "GET /api/v1/jobs" to (status, body) or a list of them."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, list[str]], Any]] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    #: raw chunks of the event stream, after which it ends
    stream: list[bytes] = field(default_factory=list)
    url: str = ""

    def on(self, call: str, body: Any, status: int = 200) -> None:
        """Answer *call* with *body*; several for one call come one after another."""
        self.answers.setdefault(call, []).append((status, body))

    def problem(self, call: str, status: int, detail: str, hint: str = "") -> None:
        """Answer *call* with a problem document."""
        said = {"type": "about:blank", "title": "no", "status": status}
        self.on(call, {**said, "detail": detail, "hint": hint}, status)

    def bodies(self, call: str) -> list[Any]:
        """Return what was sent with *call*."""
        return [body for name, _, body in self.asked if name == call]

    def queries(self, call: str) -> list[dict[str, list[str]]]:
        """Return the queries of *call*."""
        return [query for name, query, _ in self.asked if name == call]


class _Handler(BaseHTTPRequestHandler):
    api: Api
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        url = urlsplit(self.path)
        size = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(size)
        call = f"{self.command} {url.path}"
        body = json.loads(raw) if raw else None
        self.api.asked.append((call, parse_qs(url.query), body))
        self.api.tokens.append(self.headers.get("Authorization"))
        if url.path == "/api/v1/events":
            self._pour()
            return
        status, answer = self._next(call)
        text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        text = b"" if answer is None else text
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def _next(self, call: str) -> tuple[int, Any]:
        known = self.api.answers.get(call)
        if not known:
            return 404, {"title": "not found", "detail": f"nothing at {call}"}
        return known.pop(0) if len(known) > 1 else known[0]

    def _pour(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for chunk in self.api.stream:
            self.wfile.write(chunk)
            self.wfile.flush()
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def running_api(tls: ssl.SSLContext | None = None) -> Iterator[Api]:
    """Serve an `Api` on a free port of loopback, by *tls* if that is given."""
    api = Api()
    handler = type("Handler", (_Handler,), {"api": api})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    api.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
