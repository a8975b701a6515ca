"""Where a history went: a note beside what it left, which nobody shall go on with.

A database that was moved stays as it was. A coordinator that started on it again would
begin a second history, so that is refused until a person takes the note away.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pangea.core.database_url import is_postgres, without_password
from pangea.core.errors import ConfigError
from pangea.core.text import safe_text
from pangea.mesh.private_file import read_private, write_private

#: The note, in the state directory.
NAME = "moved"


class Moved(msgspec.Struct, frozen=True):
    """The file *source*, beside the note or anywhere, went to *target* at that time.

    *target* has no password. ``results`` of ``rows`` went over.
    """

    source: str
    target: str
    at: str
    results: int = 0
    rows: int = 0


def note_moved(
    state_dir: Path, source: str, target: str, *, results: int, rows: int
) -> None:
    """Write down that *source* is at *target* now, in place of what was noted before.

    A file that came back to where it was needs no note; and of a server that was left
    there is none: what was moved there before is noted to be at *target*.
    """
    before = read_moved(state_dir)
    if is_postgres(source):
        if before is None:
            return
        if _place(state_dir, before.source) == Path(target).resolve():
            (state_dir / NAME).unlink()
            return
        source, target = before.source, str(Path(target).resolve())
    else:
        source = _told(state_dir, Path(source))
    at = datetime.now(UTC).isoformat(timespec="seconds")
    moved = Moved(source, without_password(target), at, results, rows)
    write_private(state_dir / NAME, msgspec.json.encode(moved) + b"\n")


def read_moved(state_dir: Path) -> Moved | None:
    """Return what is noted in *state_dir*; ConfigError if that cannot be read."""
    note = read_private(state_dir / NAME)
    if note is None:
        return None
    try:
        return msgspec.json.decode(note, type=Moved)
    except msgspec.DecodeError as error:
        raise ConfigError(
            f"{state_dir / NAME} is damaged: it said where this history was moved to",
            hint="name that with --database, and remove the file",
        ) from error


def refuse_moved(state_dir: Path, database: Path | str) -> None:
    """Raise ConfigError if *database* is what was moved elsewhere."""
    if is_postgres(str(database)):
        return
    moved = read_moved(state_dir)
    if moved is None or _place(state_dir, moved.source) != Path(database).resolve():
        return
    target, day = (
        safe_text(moved.target, 500),
        safe_text(moved.at.partition("T")[0], 20),
    )
    raise ConfigError(
        f"this history was moved to {target} on {day}",
        hint=f"give --database {target!r} (or storage.database, PANGEA_DATABASE), or"
        f" remove {state_dir / NAME} to go back to {database}",
    )


def _told(state_dir: Path, source: Path) -> str:
    """Return *source* as it is found also when all of the directory is moved."""
    whole, home = source.resolve(), state_dir.resolve()
    return os.fspath(whole.relative_to(home) if whole.is_relative_to(home) else whole)


def _place(state_dir: Path, source: str) -> Path:
    return (state_dir / source).resolve()
