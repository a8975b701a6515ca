"""The place of one browser in a stream that many hear: shared bytes, kept in order."""

import asyncio
import zlib
from collections.abc import Mapping
from contextlib import suppress

from msgspec import Struct

from .sse import RETRY_MS

#: Frames that one browser may lag behind.
BACKLOG = 40
#: How a stream begins that is compressed (RFC 1952 2.3); it has no end.
GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
LEVEL = 3


class Told(Struct, frozen=True):
    """What is told to all: as it is, and compressed, to follow anything compressed."""

    plain: bytes
    packed: bytes

    @classmethod
    def of(cls, plain: bytes) -> "Told":
        """Return *plain* both ways."""
        return cls(plain, pack(plain))

    def __len__(self) -> int:
        """Return how many bytes it takes here."""
        return len(self.plain) + len(self.packed)


def pack(data: bytes) -> bytes:
    """Return *data* as blocks of a deflate stream that refer to nothing before them.

    So they can follow each other in any order (RFC 1951 3.2.3), and be made once for
    streams that have been told different things.
    """
    making = zlib.compressobj(LEVEL, wbits=-zlib.MAX_WBITS)
    return making.compress(data) + making.flush(zlib.Z_SYNC_FLUSH)


def chunk_of(data: bytes) -> bytes:
    """Return *data* as a chunk of an answer without a length (RFC 9112 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


RESYNC = Told.of(b"event: resync\ndata: {}\n\n")
BEAT = Told.of(b"event: beat\ndata: {}\n\n")
HELLO = Told.of(b"retry: %d\n\n%b" % (RETRY_MS, BEAT.plain))


class Listener:
    """One browser's place: what it has not taken yet, ``packed`` if it can read that.

    One that is ``straight`` has a transport to which is written at once, while nothing
    else waits to be written there.
    """

    def __init__(self, *, packed: bool = False) -> None:
        self.closed = False
        self.packed = packed
        self.straight: asyncio.Transport | None = None
        self._waiting: list[Told] = []
        self._ready = asyncio.Event()
        self._taken = False

    def push(self, told: Told, chunks: Mapping[bool, bytes] | None = None) -> None:
        """Hand on what is *told*; who lags too far behind is told to load again."""
        out = self.straight
        if chunks is not None and out is not None and self._keeps_up(out):
            out.write(chunks[self.packed])
            return
        if len(self._waiting) >= BACKLOG:
            self._waiting = [RESYNC]
        self._waiting.append(told)
        self._ready.set()

    def _keeps_up(self, out: asyncio.Transport) -> bool:
        waits = self._waiting or self._taken or out.is_closing()
        return not waits and out.get_write_buffer_size() == 0

    def close(self) -> None:
        """Wake the reader for the last time."""
        self.closed = True
        self._ready.set()

    async def take(self, timeout_s: float) -> bytes:
        """Return what came, waiting up to *timeout_s*; nothing if nothing did.

        Until `wrote` is called nothing overtakes it.
        """
        if not self._waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._ready.wait()
        self._ready.clear()
        taken = b"".join(map(self.read, self._waiting))
        self._waiting.clear()
        self._taken = True
        return taken

    def read(self, told: Told) -> bytes:
        """Return what is *told* as this one reads it."""
        return told.packed if self.packed else told.plain

    def wrote(self) -> None:
        """Note that what was taken is on its way."""
        self._taken = False
