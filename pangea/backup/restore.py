"""Restoring a backup: unpacked and checked beside, then put in place by renaming.

What was in the state directory is moved aside, never deleted. All happens within
that directory, which may be the only one that we may write, or a mount of its own.
"""

import os
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from pangea.core.errors import ConfigError, Conflict
from pangea.mesh.private_file import make_private_directory
from pangea.state_dir import MOVING, hold
from pangea.storage import moving, snapshot

from .archive import DATABASE, Tell, no_room, silent, unpack
from .keys import Given
from .make import Made, read_header
from .seal import ENGINE, Header
from .workshop import LOCK, refuse_others

UNPACKED = "restore.part"
#: Stay where they are: a lock is of whoever holds it.
STAYS = frozenset({"lock", LOCK, UNPACKED, MOVING})
ASIDE = "before-restore-"
WORKER = "worker"


class Restored(Struct, frozen=True):
    """What was restored, and where what was there before is now, if anything was."""

    made: Made
    aside: Path | None
    kept_worker: bool


def restore(
    path: Path,
    given: Given,
    state_dir: Path,
    *,
    url: str = "",
    force: bool = False,
    tell: Tell = silent,
) -> Restored:
    """Make *state_dir* what the backup *path* holds.

    With *url* the database goes to PostgreSQL, into an empty one. Raises ConfigError
    while a coordinator runs there and for a backup of a later Pangea, Conflict if
    something is there (*force* is for the directory alone), and what ``unpack``
    raises; until all of the backup was checked nothing is changed.
    """
    refuse(path, state_dir, url=url, force=force)
    make_private_directory(state_dir)
    with hold(state_dir, restoring=True):
        _refuse_full(state_dir, force=force)
        # It may lie in what moves aside.
        size, unpacked = path.stat().st_size, state_dir / UNPACKED
        try:
            _clear(unpacked)
            unpacked.mkdir(mode=0o700)
            header, facts = unpack(path, given, unpacked, tell, keys=True)
            if url:
                _send(unpacked / DATABASE, header.schema, url, tell)
            aside, kept = _exchange(state_dir, unpacked)
        except OSError as error:
            raise no_room(state_dir, error) from error
        finally:
            with suppress(OSError):
                _clear(unpacked)
    return Restored(Made(path, header, facts, size), aside, kept)


def refuse(path: Path, state_dir: Path, *, url: str = "", force: bool) -> None:
    """Raise what ``restore`` would raise before it opens the backup."""
    _check_header(read_header(path), path)
    refuse_others(state_dir)
    if url:
        moving.refuse_full(url)
    if state_dir.is_dir():
        with hold(state_dir, restoring=True):
            _refuse_full(state_dir, force=force)


def _refuse_full(state_dir: Path, *, force: bool) -> None:
    if not force and entries(state_dir):
        raise Conflict(
            f"{state_dir} is not empty",
            hint="name another --state-dir, or move what is there aside: --force",
        )


def entries(state_dir: Path) -> list[Path]:
    """Return what is in *state_dir* beside locks, and what moved aside before."""
    return sorted(
        path
        for path in state_dir.iterdir()
        if path.name not in STAYS and not path.name.startswith(ASIDE)
    )


def _check_header(header: Header, path: Path) -> None:
    if header.engine != ENGINE:
        raise ConfigError(
            f"{path} is of a database on {header.engine[:40]}",
            hint=f"this Pangea restores backups of {ENGINE}",
        )
    if not snapshot.knows(header.schema):
        raise ConfigError(
            f"{path} has schema {header.schema[:60]}, made by Pangea"
            f" {header.version[:40]}; this one knows only {snapshot.newest()}",
            hint="install that Pangea or a newer one, then restore",
        )


def _send(database: Path, schema: str, url: str, tell: Tell) -> None:
    """Fill the database at *url* from the file *database*, which is gone then."""
    if schema != snapshot.newest():
        moving.renew(database)
    moving.fill(database, url, tell)
    for path in database.parent.glob(f"{DATABASE}*"):
        path.unlink()


def _exchange(state_dir: Path, unpacked: Path) -> tuple[Path | None, bool]:
    """Move what is there aside and what was unpacked in its place.

    Nobody starts meanwhile, nor after we were killed in the middle of it: while
    there is a directory ``restore.moving``, ``hold`` refuses.
    """
    kept = _keep_worker(state_dir, unpacked)
    marker, before = state_dir / MOVING, entries(state_dir)
    marker.mkdir(mode=0o700, exist_ok=True)
    aside = _aside(state_dir) if before else None
    for path in before:
        path.rename(aside / path.name if aside else path)
    # The database last: what has none is no coordinator yet.
    for path in sorted(unpacked.iterdir(), key=lambda p: p.name == DATABASE):
        path.rename(state_dir / path.name)
    _sync(state_dir)
    marker.rmdir()
    return aside, kept


def _aside(state_dir: Path) -> Path:
    """Make a directory named after this second."""
    aside = state_dir / f"{ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    while aside.exists():
        aside = aside.with_name(aside.name + "+")
    aside.mkdir(mode=0o700)
    return aside


def _keep_worker(state_dir: Path, unpacked: Path) -> bool:
    """Keep the coordinator's own worker if it is the same one; tell whether it is.

    Its spool may hold what the backup does not: it sends that again.
    """
    old, new = state_dir / WORKER, unpacked / WORKER
    same = all((place / "node.key").is_file() for place in (old, new)) and (
        (old / "node.key").read_bytes() == (new / "node.key").read_bytes()
    )
    if same:
        with hold(old, restoring=True):
            shutil.rmtree(new)
            # A copy: what was moved aside is all that was there.
            shutil.copytree(old, new, symlinks=True)
        new.chmod(0o700)
    return same


def _clear(place: Path) -> None:
    if place.exists():
        shutil.rmtree(place)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
