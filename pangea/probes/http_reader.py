"""Reads one HTTP/1.1 response off a stream, bounded and strict (RFC 9112)."""

import httptools

from pangea.core.failure import ProbeFailed
from pangea.core.text import safe_text

from .body_decoder import BodyDecoder

MAX_HEADERS = 16 * 1024
#: bytes of chunk sizes and trailers that may come beyond the body's own number
MAX_FRAMING = 64 * 1024


class HttpReader:
    """Parses a response as it comes; ``done`` tells when it is complete.

    *has_body* is False for an answer to HEAD. *limit* bytes of the body, after
    decompression, are counted, and kept if *keep* is set; there it stops. In the end
    it must be closed: it and its parser hold each other, and a thousand such rings a
    second are much work for the garbage collector.
    """

    def __init__(self, *, has_body: bool, limit: int, keep: bool) -> None:
        self.status = 0
        self.version = ""
        self.headers: dict[str, str] = {}
        self.done = False
        self._has_body, self._limit, self._keep = has_body, limit, keep
        parser = httptools.HttpResponseParser(self)
        # RFC 9112 section 2.2: a recipient may take a bare line feed as line end.
        parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)
        self._parser: httptools.HttpResponseParser | None = parser
        self._fed = self._header_bytes = 0
        self._in_body = False
        self._failure: ProbeFailed | None = None
        self.body = BodyDecoder("", limit, keep)

    def feed(self, data: bytes) -> None:
        """Take *data* until closed. Raises ProbeFailed ``protocol``, ``too_large``."""
        if self._parser is None:
            return
        self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.done = True
        except httptools.HttpParserError as error:
            # What follows a complete answer is no longer ours to judge.
            if not self.done and not self._failure:
                raise self._broken(error, data) from error
        if self._failure:
            raise self._failure
        if not self.done:
            self._check_bounds()

    def feed_eof(self) -> None:
        """Take the end of the stream. Raises ProbeFailed ``closed`` if too early."""
        if self.done:
            return
        if not self._fed:
            raise ProbeFailed("closed", "the server closed without an answer")
        if not self._in_body:
            raise ProbeFailed("closed", "the server closed within the headers")
        wanted = self.headers.get("content-length")
        if wanted is not None:
            got = f"got {self.body.received} of {safe_text(wanted, 20)} bytes"
            raise ProbeFailed("closed", f"the body is cut off: {got}")
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            got = f"after {self.body.received} bytes"
            raise ProbeFailed("closed", f"the chunked body is cut off {got}")
        self._complete()

    def close(self) -> None:
        """Read no more; what was read stays."""
        self._parser = None

    def on_message_begin(self) -> None:
        """Begin anew after an interim answer (httptools calls these)."""
        self.headers = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; of several with one name, joined by commas."""
        self._header_bytes += len(name) + len(value) + 4
        if self._in_body or self._header_bytes > MAX_HEADERS:
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        known = self.headers.get(key)
        self.headers[key] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        """Note the status; an answer without a body is complete here."""
        if self._parser is None:
            return
        self.status = self._parser.get_status_code()
        self.version = self._parser.get_http_version()
        if self.status < 200 and self.status != 101:
            return
        if self._header_bytes > MAX_HEADERS:
            self._failure = endless_headers()
        self._in_body = True
        encoding = self.headers.get("content-encoding", "")
        self.body = BodyDecoder(encoding, self._limit, self._keep)
        if not self._has_body or self.status in (101, 204, 304):
            self.done = True

    def on_body(self, data: bytes) -> None:
        """Count and unpack a piece of the body."""
        if self.done or self._failure:
            return
        try:
            self.body.feed(data)
        except ProbeFailed as failure:
            self._failure = failure
        self.done = self.body.full

    def on_message_complete(self) -> None:
        """Note the end, unless it is that of an interim answer."""
        if self._in_body and not self._failure:
            try:
                self._complete()
            except ProbeFailed as failure:
                self._failure = failure

    def _check_bounds(self) -> None:
        if not self._in_body and self._fed > MAX_HEADERS:
            raise endless_headers()
        if self._fed > MAX_HEADERS + MAX_FRAMING + 2 * self.body.received:
            detail = "chunk sizes and trailers take more room than the body"
            raise ProbeFailed("protocol", detail)

    def _complete(self) -> None:
        if not self.done:
            self.body.finish()
        self.done = True

    def _broken(self, error: Exception, data: bytes) -> ProbeFailed:
        said = safe_text(error, 100)
        if not self._in_body and not self.status and not data.startswith(b"HTTP/"):
            begin = safe_text(data[:40], 60)
            return ProbeFailed("protocol", f"this is not HTTP: got {begin!r}")
        return ProbeFailed("protocol", f"the answer breaks HTTP/1.1: {said}")


def endless_headers() -> ProbeFailed:
    """Return the failure of an answer whose headers do not end in time."""
    return ProbeFailed("too_large", f"the headers are larger than {MAX_HEADERS} bytes")
