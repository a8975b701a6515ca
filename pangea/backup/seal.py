"""A sealed file: a header for anybody, then chunks that open in order or not at all.

::

    magic, length of the header (4 bytes), header (JSON), its BLAKE2b,
    header of the secretstream, and chunks: length (4 bytes), sealed bytes

A chunk holds one byte that says how the rest is packed, and at most CHUNK bytes of
content. All chunks are bound to the header; the last one is marked as such.
"""

import hashlib
import zlib
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct
from nacl import bindings
from nacl.exceptions import CryptoError

from pangea.core.errors import ConfigError, StorageError

from .keys import Given, Terms

MAGIC = b"PANGEA BACKUP\n"
FORMAT = 1
CHUNK = 256 * 1024
MAX_HEADER = 16 * 1024
ENGINE = "sqlite"
_CHECKSUM = 32
_PLAIN, _DEFLATED = b"\0", b"\1"
_OVER = 1 + bindings.crypto_secretstream_xchacha20poly1305_ABYTES
_MESSAGE = bindings.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
_FINAL = bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL
_START = bindings.crypto_secretstream_xchacha20poly1305_HEADERBYTES


class Header(Struct, frozen=True, kw_only=True):
    """What anybody may read: whose backup it is, of when, and what opens it.

    ``made_at`` is RFC 3339 in UTC, ``node`` the coordinator's id, ``engine`` what
    the database is of, ``schema`` its last migration.
    """

    format: int = FORMAT
    version: str
    made_at: str
    cluster: str
    node: str
    engine: str = ENGINE
    schema: str
    key: Terms


class SealedWriter:
    """Writes *header* and then what it is given to *file*; ``finish`` at the end."""

    def __init__(self, file: BinaryIO, header: Header, key: bytes) -> None:
        self._file = file
        self._waits = bytearray()
        raw = msgspec.json.encode(header)
        head = MAGIC + len(raw).to_bytes(4, "big") + raw
        self._bound = _digest(head)
        self._state = bindings.crypto_secretstream_xchacha20poly1305_state()
        start = bindings.crypto_secretstream_xchacha20poly1305_init_push(
            self._state, key
        )
        file.write(head + self._bound + start)

    def write(self, data: bytes) -> None:
        """Write *data*."""
        self._waits += data
        while len(self._waits) > CHUNK:
            self._seal(bytes(self._waits[:CHUNK]), _MESSAGE)
            del self._waits[:CHUNK]

    def finish(self) -> None:
        """Write the last chunk: without it nothing is a backup."""
        self._seal(bytes(self._waits), _FINAL)

    def _seal(self, data: bytes, tag: int) -> None:
        packed = zlib.compress(data, 1)
        smaller = len(packed) < len(data)
        plain = _DEFLATED + packed if smaller else _PLAIN + data
        sealed = bindings.crypto_secretstream_xchacha20poly1305_push(
            self._state, plain, self._bound, tag
        )
        self._file.write(len(sealed).to_bytes(4, "big") + sealed)


class SealedReader:
    """Reads what a SealedWriter wrote; *where* is its name in errors.

    Memory is bounded, whatever the file says. Raises StorageError for one that is
    no backup, is damaged or cut short, and ConfigError for one of a later format.
    """

    def __init__(self, file: BinaryIO, where: Path) -> None:
        self._file, self._where = file, where
        self.header, self._bound = _read_head(file, where)
        self._state = bindings.crypto_secretstream_xchacha20poly1305_state()
        self._ready = b""
        self._ended = False

    def unlock(self, given: Given) -> None:
        """Open it with what a person has; see ``Given.key_of``."""
        key = given.key_of(self.header.key, self._where)
        start = self._exactly(_START)
        bindings.crypto_secretstream_xchacha20poly1305_init_pull(
            self._state, start, key
        )

    def some(self, most: int) -> bytes:
        """Return 1 to *most* bytes of what was written; b"" at the end."""
        while not self._ready and not self._ended:
            self._ready = self._next()
        taken, self._ready = self._ready[:most], self._ready[most:]
        return taken

    def exactly(self, size: int) -> bytes:
        """Return *size* bytes; the caller bounds it."""
        found = bytearray()
        while len(found) < size:
            some = self.some(size - len(found))
            if not some:
                raise damaged(self._where, "it ends too early")
            found += some
        return bytes(found)

    def end(self) -> None:
        """Check that nothing follows."""
        if self.some(1) or self._file.read(1):
            raise damaged(self._where, "something follows its end")

    def _next(self) -> bytes:
        size = int.from_bytes(self._exactly(4), "big")
        if not _OVER <= size <= CHUNK + _OVER:
            raise damaged(self._where, f"a chunk of {size} bytes")
        try:
            plain, tag = bindings.crypto_secretstream_xchacha20poly1305_pull(
                self._state, self._exactly(size), self._bound
            )
            self._ended = tag == _FINAL
            return _unpacked(plain)
        except (CryptoError, RuntimeError, zlib.error, ValueError) as error:
            raise damaged(self._where, "a chunk does not open") from error

    def _exactly(self, size: int) -> bytes:
        found = self._file.read(size)
        if len(found) < size:
            raise damaged(self._where, "it is cut short")
        return found


def _unpacked(plain: bytes) -> bytes:
    if plain[:1] == _PLAIN:
        return plain[1:]
    if plain[:1] != _DEFLATED:
        raise ValueError("packed in an unknown way")
    opener = zlib.decompressobj()
    data = opener.decompress(plain[1:], CHUNK + 1)
    if not opener.eof or opener.unused_data or len(data) > CHUNK:
        raise ValueError("more than a chunk")
    return data


def _read_head(file: BinaryIO, where: Path) -> tuple[Header, bytes]:
    """Return the header and its checksum, to which all chunks are bound."""
    head = file.read(len(MAGIC) + 4)
    if head[: len(MAGIC)] != MAGIC or len(head) < len(MAGIC) + 4:
        raise StorageError(
            f"{where} is no backup of Pangea",
            hint="name a file that `pangea backup FILE` has made",
        )
    size = int.from_bytes(head[len(MAGIC) :], "big")
    if size > MAX_HEADER:
        raise damaged(where, f"a header of {size} bytes")
    raw, checksum = file.read(size), file.read(_CHECKSUM)
    if _digest(head + raw) != checksum:
        raise damaged(where, "its header is not as it was written")
    try:
        _check_format(msgspec.json.decode(raw, type=_Format), where)
        return msgspec.json.decode(raw, type=Header), checksum
    except msgspec.DecodeError as error:
        raise damaged(where, "its header cannot be read") from error


class _Format(Struct):
    format: int
    version: str


def _check_format(said: _Format, where: Path) -> None:
    if said.format != FORMAT:
        raise ConfigError(
            f"{where} has format {said.format}, this Pangea reads {FORMAT}",
            hint="use the Pangea that wrote it, or a newer one",
        )


def damaged(where: Path, why: str) -> StorageError:
    """Return that the backup *where* cannot be trusted."""
    return StorageError(f"{where} is damaged: {why}", hint="use another backup")


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(
        data, digest_size=_CHECKSUM, person=b"pangea1.bk.head"
    ).digest()
