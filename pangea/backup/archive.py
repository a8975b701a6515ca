"""What is in a backup, packed and unpacked: files of fixed names and their sizes."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from pangea.core.errors import PangeaError, StorageError
from pangea.mesh.private_file import NO_ROOM
from pangea.storage import snapshot
from pangea.storage.snapshot import Facts

from .keys import Given
from .seal import CHUNK, Header, SealedReader, SealedWriter, damaged

DATABASE = "pangea.db"
#: What else makes a coordinator the one that its workers know; each may be missing.
SMALL = (
    "node.key",
    "vault.key",
    "secrets.json",
    "admin.token",
    "url",
    "tls.crt",
    "tls.key",
    "worker/node.key",
)
MAX_SMALL = 64 * 1024
MAX_CONTENTS = 64 * 1024
#: Left free on a disk that other things are stored on, too.
RESERVE = 32 * 1024 * 1024

#: Told how far something is: what is done, how much of how much.
Tell = Callable[[str, int, int], None]


def silent(doing: str, done: int, of: int) -> None:
    """Tell nobody."""


class Piece(Struct, frozen=True, forbid_unknown_fields=True):
    """One file: its name in the state directory, and its size in bytes."""

    name: str
    size: int


class Contents(Struct, frozen=True, forbid_unknown_fields=True):
    """The files in their order, the database last, and what that holds."""

    pieces: tuple[Piece, ...]
    facts: Facts


def pack(
    file: BinaryIO,
    header: Header,
    key: bytes,
    small: Mapping[str, bytes],
    database: Path,
    facts: Facts,
    tell: Tell,
) -> None:
    """Write a backup of *small* files and of the copy *database* to *file*."""
    size = database.stat().st_size
    pieces = [Piece(name, len(content)) for name, content in small.items()]
    contents = Contents((*pieces, Piece(DATABASE, size)), facts)
    raw = msgspec.json.encode(contents)
    writer = SealedWriter(file, header, key)
    writer.write(len(raw).to_bytes(4, "big") + raw)
    for content in small.values():
        writer.write(content)
    with database.open("rb") as source:
        done = 0
        while some := source.read(CHUNK):
            writer.write(some)
            done += len(some)
            tell("sealing", done, size)
    writer.finish()


def unpack(
    where: Path, given: Given, place: Path, tell: Tell, *, keys: bool = False
) -> tuple[Header, Facts]:
    """Read all of the backup *where*, and check the database that is in it.

    That lies in the private directory *place* then, and with *keys* all else, too.
    Returns the header and what the database was found to hold, which is what was
    noted when it was made. Nothing is read past its bounds, and no name of the
    backup is used but those that we know. Raises what ``SealedReader`` raises.
    """
    with closing(open_backup(where)) as file:
        reader = SealedReader(file, where)
        reader.unlock(given)
        contents = _contents(reader, where)
        need_room(place, sum(piece.size for piece in contents.pieces))
        try:
            _write_all(reader, contents.pieces, place, tell, keys=keys)
        except OSError as error:
            raise no_room(place, error) from error
        reader.end()
    found = snapshot.inspect(place / DATABASE)
    if found != contents.facts:
        raise damaged(where, "its database does not hold what was put into it")
    return reader.header, found


def open_backup(where: Path) -> BinaryIO:
    """Open the file *where* to read it; StorageError says why not."""
    try:
        if where.is_file():
            return where.open("rb")
        why = "it is no file" if where.exists() else "no such file"
    except OSError as error:
        why = (error.strerror or str(error)).lower()
    raise StorageError(f"{where} cannot be read: {why}")


def need_room(place: Path, size: int) -> None:
    """Raise StorageError unless *size* bytes fit on the disk of *place*."""
    free = shutil.disk_usage(place).free
    if free < size + RESERVE:
        raise StorageError(
            f"{place} has room for {free >> 20} MiB,"
            f" {(size + RESERVE) >> 20} are needed",
            hint="make room on that disk, or name another directory",
        )


def no_room(place: Path, error: OSError) -> PangeaError:
    """Return why *place* could not be written, with what to do."""
    hint = "make room on that disk" if error.errno in NO_ROOM else "look at its rights"
    why = (error.strerror or str(error)).lower()
    return StorageError(f"{place} cannot be written: {why}", hint=hint)


def _contents(reader: SealedReader, where: Path) -> Contents:
    size = int.from_bytes(reader.exactly(4), "big")
    if size > MAX_CONTENTS:
        raise damaged(where, f"a list of {size} bytes")
    try:
        found = msgspec.json.decode(reader.exactly(size), type=Contents)
    except msgspec.DecodeError as error:
        raise damaged(where, "its list of files cannot be read") from error
    _check(found.pieces, where)
    return found


def _check(pieces: Sequence[Piece], where: Path) -> None:
    """Refuse names that are not ours, such as ways out of the directory."""
    *small, last = pieces or (Piece("", 0),)
    names = [piece.name for piece in small]
    if last.name != DATABASE or last.size < 0 or len(set(names)) < len(names):
        raise damaged(where, "its list of files is not one of ours")
    for piece in small:
        if piece.name not in SMALL or not 0 <= piece.size <= MAX_SMALL:
            raise damaged(where, f"it holds {piece.name[:60]!r} of {piece.size} bytes")


def _write_all(
    reader: SealedReader,
    pieces: Sequence[Piece],
    place: Path,
    tell: Tell,
    *,
    keys: bool,
) -> None:
    *small, database = pieces
    for piece in small:
        content = reader.exactly(piece.size)
        if keys:
            with _new_file(place / piece.name) as file:
                file.write(content)
                _sync(file)
    with _new_file(place / DATABASE) as file:
        done = 0
        while done < database.size:
            some = reader.exactly(min(database.size - done, CHUNK))
            file.write(some)
            done += len(some)
            tell("reading it back", done, database.size)
        _sync(file)


def _new_file(path: Path) -> BinaryIO:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "wb")


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
