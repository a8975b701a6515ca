"""One HTTP/2 exchange without I/O: bytes in, bytes out (RFC 9113).

Needs the extra ``h2``, so it is imported only where HTTP/2 was agreed on.
"""

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import DenialOfServiceError, ProtocolError
from h2.settings import SettingCodes, Settings

from pangea.core.failure import ProbeFailed
from pangea.core.text import safe_text

from .body_decoder import BodyDecoder
from .http_reader import MAX_FRAMING, MAX_HEADERS, endless_headers
from .http_request import Request

#: frames that bring no piece of the body; a good server sends about five
MAX_OTHER_FRAMES = 200
#: header fields that belong to an HTTP/1.1 connection (RFC 9113, 8.2.2)
_NOT_HERE = {"keep-alive", "proxy-connection"}
_FRAME_HEAD, _MAX_FRAME = 9, 16_384
_DATA, _GOAWAY = 0, 7
_STREAM = 1


class Http2Reader:
    """Asks *request* on a connection of its own and reads the answer to it.

    Send what ``to_send`` returns at the beginning and after each ``feed``;
    ``done`` tells when the answer is complete. *limit* and *keep* are HttpReader's.
    """

    version = "2"

    def __init__(self, request: Request, *, limit: int, keep: bool) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.done = False
        self._limit, self._keep = limit, keep
        self.body = BodyDecoder("", limit, keep)
        self._fed = self._others = 0
        self._received = bytearray()
        self._unsent = request.body
        self._h2 = _connection()
        self._h2.initiate_connection()
        self._h2.send_headers(_STREAM, _fields(request), end_stream=not self._unsent)

    def to_send(self) -> bytes:
        """Return what must be sent now, as much of our body as may be sent too."""
        while self._unsent and not self.done:
            room = self._h2.local_flow_control_window(_STREAM)
            size = min(room, self._h2.max_outbound_frame_size, len(self._unsent))
            if size <= 0:
                break
            piece, self._unsent = self._unsent[:size], self._unsent[size:]
            self._h2.send_data(_STREAM, piece, end_stream=not self._unsent)
        return self._h2.data_to_send()

    def feed(self, data: bytes) -> None:
        """Take *data*. Raises ProbeFailed ``protocol``, ``too_large``, ``reset``."""
        self._fed += len(data)
        self._received += data
        while not self.done and (frame := self._next_frame()):
            if not self._leaves_in_peace(frame):
                self._take(frame)
        if not self.done:
            self._check_bounds()

    def feed_eof(self) -> None:
        """Take the end of the stream. Raises ProbeFailed ``closed``."""
        if self.done:
            return
        if not self._fed:
            raise ProbeFailed("closed", "the server closed without an answer")
        if not self.status:
            raise ProbeFailed("closed", "the server closed before the headers")
        got = f"after {self.body.received} bytes"
        raise ProbeFailed("closed", f"the body is cut off {got}")

    def close(self) -> None:
        """Read no more; what was read stays, and the engine's parts let go."""
        # They hold each other: work for the garbage collector otherwise.
        for part in (*self._h2.streams.values(), self._h2):
            getattr(part, "__dict__", {}).clear()

    def _next_frame(self) -> bytes:
        """Return the next whole frame, one at a time so that no event is lost."""
        size = int.from_bytes(self._received[:3], "big")
        if size > _MAX_FRAME:
            begin = safe_text(self._received[:40], 60)
            raise _broken(f"a frame of {size} bytes: {begin!r}")
        whole = size + _FRAME_HEAD
        if len(self._received) < max(whole, _FRAME_HEAD):
            return b""
        frame = bytes(self._received[:whole])
        del self._received[:whole]
        if frame[3] != _DATA or not size:
            self._others += 1
            if self._others > MAX_OTHER_FRAMES:
                detail = f"more than {MAX_OTHER_FRAMES} frames without content"
                raise _broken(detail)
        return frame

    def _leaves_in_peace(self, frame: bytes) -> bool:
        """Tell whether the server says goodbye but will still answer (6.8)."""
        if frame[3] != _GOAWAY or len(frame) < _FRAME_HEAD + 8:
            return False
        last = int.from_bytes(frame[9:13], "big") & 0x7FFFFFFF
        code = int.from_bytes(frame[13:17], "big")
        if code == ErrorCodes.NO_ERROR and last >= _STREAM:
            return True
        detail = f"the server ended the connection: {_name(code)}"
        raise ProbeFailed("reset", detail)

    def _take(self, frame: bytes) -> None:
        try:
            for event in self._h2.receive_data(frame):
                self._on_event(event)
        except DenialOfServiceError as error:
            raise endless_headers() from error
        except ProtocolError as error:
            raise _broken(safe_text(error, 100)) from error

    def _on_event(self, event: Event) -> None:
        match event:
            case ResponseReceived():
                self._on_headers(event.headers or [])
            case DataReceived():
                self.body.feed(event.data or b"")
                length = event.flow_controlled_length or 0
                self._h2.acknowledge_received_data(length, _STREAM)
                self.done = self.done or self.body.full
            case StreamEnded():
                if not self.done:
                    self.body.finish()
                self.done = True
            case StreamReset():
                code = _name(int(event.error_code or 0))
                raise ProbeFailed("reset", f"the server reset the request: {code}")

    def _on_headers(self, fields: "list[tuple[bytes, bytes]]") -> None:
        for raw_name, raw_value in fields:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            if name == ":status":
                self.status = int(value) if value.isdigit() else 0
            known = self.headers.get(name)
            self.headers[name] = value if known is None else f"{known}, {value}"
        if not 200 <= self.status <= 999:
            raise _broken(f"the status {safe_text(self.headers.get(':status'), 20)!r}")
        encoding = self.headers.get("content-encoding", "")
        self.body = BodyDecoder(encoding, self._limit, self._keep)

    def _check_bounds(self) -> None:
        if not self.status and self._fed > MAX_HEADERS + MAX_FRAMING:
            raise endless_headers()
        if self._fed > MAX_HEADERS + MAX_FRAMING + 2 * self.body.received:
            raise _broken("the frames take more room than the body in them")


def _connection() -> H2Connection:
    config = H2Configuration(client_side=True, header_encoding=None)
    connection = H2Connection(config)
    limits = {
        SettingCodes.ENABLE_PUSH: 0,
        SettingCodes.MAX_HEADER_LIST_SIZE: MAX_HEADERS,
    }
    connection.local_settings = Settings(client=True, initial_values=limits)
    connection.decoder.max_header_list_size = MAX_HEADERS
    return connection


def _fields(request: Request) -> list[tuple[str, str]]:
    pseudo = [
        (":method", request.method),
        (":scheme", request.url.scheme),
        (":authority", request.host),
        (":path", request.url.path),
    ]
    plain = [(name.lower(), value) for name, value in request.fields()]
    return pseudo + [pair for pair in plain if pair[0] not in _NOT_HERE]


def _name(code: int) -> str:
    try:
        return ErrorCodes(code).name
    except ValueError:
        return f"error {code}"


def _broken(said: str) -> ProbeFailed:
    return ProbeFailed("protocol", f"the answer breaks HTTP/2: {said}")
