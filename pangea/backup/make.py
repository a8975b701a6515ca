"""Making a backup: copy, seal, read back, and only then give it its name."""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from pangea import __version__
from pangea.core.errors import Conflict, NotFound
from pangea.mesh import identity
from pangea.mesh.private_file import read_private
from pangea.moved import refuse_moved
from pangea.storage import moving, snapshot
from pangea.storage.snapshot import Facts

from .archive import (
    MAX_SMALL,
    SMALL,
    Tell,
    need_room,
    no_room,
    open_backup,
    pack,
    silent,
    unpack,
)
from .keys import Given
from .seal import Header, SealedReader
from .workshop import refuse_others, workshop


class Source(Struct, frozen=True):
    """A coordinator that runs or not: its state directory, database and name.

    ``database`` is a file, or the URL of PostgreSQL. ``name`` is told of a coordinator
    that has not written its own there.
    """

    state_dir: Path
    database: Path | str
    name: str


class Made(Struct, frozen=True):
    """A backup that was read back: its header, what it holds, its size in bytes."""

    path: Path
    header: Header
    facts: Facts
    size: int


def back_up(
    source: Source,
    target: Path,
    given: Given,
    *,
    force: bool = False,
    tell: Tell = silent,
) -> Made:
    """Back *source* up to the file *target*, read it back, and return what it holds.

    Needs room for one copy of the database in the state directory and for one
    beside *target*. Under the name *target* there is never half a backup. Raises
    Conflict if it exists (unless *force*) or another backup is being made,
    NotAllowed for the state directory of another user, NotFound if there is no
    coordinator, ConfigError for a database that was moved, StorageError for a disk or
    a database that refuses.
    """
    refuse(source, target, force=force)
    draft = target.with_name(f".{target.name}.part")
    with workshop(source.state_dir) as place:
        try:
            _write(source, draft, given, place, tell)
            _, facts = unpack(draft, given, place, tell)
            if not force:
                refuse_existing(target)
            size = draft.stat().st_size
            _name(draft, target)
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
    return Made(target, read_header(target), facts, size)


def check(path: Path, given: Given, near: Path | None, tell: Tell = silent) -> Made:
    """Read the backup *path* as a restore would, and keep nothing of it.

    Meanwhile a copy of its database lies in *near*, or where temporary files do.
    """
    with TemporaryDirectory(prefix="pangea-check-", dir=near) as place:
        header, facts = unpack(path, given, Path(place), tell)
    return Made(path, header, facts, path.stat().st_size)


def read_header(path: Path) -> Header:
    """Return what anybody may read of the backup *path*."""
    with open_backup(path) as file:
        return SealedReader(file, path).header


def refuse(source: Source, target: Path, *, force: bool) -> None:
    """Raise what ``back_up`` would raise before it does anything."""
    refuse_others(source.state_dir)
    if not force:
        refuse_existing(target)
    refuse_moved(source.state_dir, source.database)
    if isinstance(source.database, Path) and not source.database.is_file():
        raise NotFound(
            f"there is no coordinator's database at {source.database}",
            hint="name its --state-dir; if it has a --database, set PANGEA_DATABASE",
        )


def refuse_existing(target: Path) -> None:
    """Raise Conflict if there is something at *target*."""
    if target.exists() or target.is_symlink():
        raise Conflict(
            f"{target} is there already", hint="choose another name, or add --force"
        )


def _write(source: Source, draft: Path, given: Given, place: Path, tell: Tell) -> None:
    """Write *draft* from one moment of the database and the files beside it."""
    copy = place / "snapshot.db"
    _copy(source.database, copy, tell)
    facts = snapshot.inspect(copy)
    small = _small(source.state_dir)
    terms, key = given.fresh()
    header = Header(
        version=__version__,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        cluster=snapshot.name_in(copy) or source.name,
        node=identity.load_or_create(source.state_dir / "node.key").id,
        schema=facts.schema,
        key=terms,
    )
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        draft.unlink(missing_ok=True)  # of a backup that was killed
        with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
            pack(file, header, key, small, copy, facts, tell)
            file.flush()
            os.fsync(file.fileno())
        copy.unlink()
    except OSError as error:
        raise no_room(draft.parent, error) from error


def _copy(database: Path | str, copy: Path, tell: Tell) -> None:
    """Copy a database as it is at one moment to the new file *copy*."""
    if isinstance(database, Path):
        need_room(copy.parent, _size(database))
        snapshot.take(database, copy, lambda n, of: tell("copying", n, of))
    else:
        need_room(copy.parent, moving.size_of(database))
        moving.take_out(database, copy, tell)


def _small(state_dir: Path) -> dict[str, bytes]:
    """Return the small files that are there; keys must be for us alone."""
    found = {}
    for name in SMALL:
        content = _public(state_dir / name) if name == "tls.crt" else None
        content = content or read_private(state_dir / name, most=MAX_SMALL)
        if content is not None:
            found[name] = content
    if "node.key" not in found:
        raise NotFound(
            f"there is no node.key in {state_dir}",
            hint="name the coordinator's state directory with --state-dir",
        )
    return found


def _public(path: Path) -> bytes | None:
    """Return the content of a file that others may read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_SMALL)
    except OSError:
        return None


def _size(database: Path) -> int:
    """Return how large a copy may become: what is in the log is in it, too."""
    log = database.with_name(database.name + "-wal")
    return sum(path.stat().st_size for path in (database, log) if path.exists())


def _name(draft: Path, target: Path) -> None:
    try:
        draft.replace(target)
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise no_room(target, error) from error
