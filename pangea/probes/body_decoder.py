"""Unpacks a compressed body a little at a time, so that no bomb goes off."""

import zlib

from pangea.core.failure import ProbeFailed
from pangea.core.text import safe_text

PIECE = 64 * 1024
#: pages unpack to 3 to 20 times their size; a bomb to about 1000
MAX_RATIO = 100


class BodyDecoder:
    """Counts, and on demand keeps, the first *limit* bytes of a body.

    *encoding* is the value of ``Content-Encoding``; one that is not known is
    passed through as it is and ``readable`` is False. ``full`` tells that there
    was more than the limit.
    """

    def __init__(self, encoding: str, limit: int, keep: bool) -> None:
        encoding = encoding.strip().lower() or "identity"
        self.readable = encoding in ("identity", "gzip", "x-gzip", "deflate")
        self.encoding = encoding
        self.limit = limit
        self.received = self.size = 0
        self.kept = bytearray()
        self._keep = keep
        self._packed = self.readable and encoding != "identity"
        self._inflate: zlib._Decompress | None = None

    @property
    def full(self) -> bool:
        """Whether the body is longer than the limit."""
        return max(self.size, self.received) > self.limit

    @property
    def exploding(self) -> bool:
        """Whether it unpacks to so much more than came that it is meant as harm."""
        return self._packed and self.full and self.size > MAX_RATIO * self.received

    def feed(self, data: bytes) -> None:
        """Take the next *data* from the wire; ProbeFailed if it does not unpack."""
        if not self._packed:
            self.received += len(data)
            self._take(data)
            return
        left = data
        try:
            while left and not self.full:
                left = self._unpack(left)
        except zlib.error as error:
            detail = f"the body is not valid {self.encoding}: {safe_text(error)}"
            raise ProbeFailed("protocol", detail) from error
        self.received += len(data) - len(left)

    def finish(self) -> None:
        """Raise ProbeFailed ``closed`` if the compressed body stops half way."""
        if self._inflate and not self._inflate.eof and not self.full:
            raise ProbeFailed("closed", f"the {self.encoding} body is cut off")

    def _unpack(self, data: bytes) -> bytes:
        """Unpack one piece and return the packed bytes that are left over."""
        if self._inflate is None or self._inflate.eof:
            if self._inflate and self.encoding == "deflate":
                return b""
            self._inflate = zlib.decompressobj(self._window(data))
        room = min(PIECE, self.limit + 1 - self.size)
        self._take(self._inflate.decompress(data, room))
        if self._inflate.eof:
            # Gzip allows several members one after another (RFC 1952, 2.2).
            return self._inflate.unused_data.lstrip(b"\0")
        return self._inflate.unconsumed_tail

    def _window(self, data: bytes) -> int:
        if self.encoding != "deflate":
            return 31
        # RFC 9110 wants zlib's header here; some servers send none.
        return 15 if data[0] & 0x0F == 8 else -15

    def _take(self, data: bytes) -> None:
        if self._keep:
            self.kept += data[: max(0, self.limit - self.size)]
        self.size += len(data)
