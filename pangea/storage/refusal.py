"""What a database driver raised, as the error to tell; without the drivers."""

import os
import sqlite3
from pathlib import Path

from pangea.core.errors import StorageError

MAKE_ROOM = "make room on the disk; what was acknowledged is safe"
#: With less than that SQLite cannot begin.
LEAST_BYTES = 256 * 1024


def is_full(place: Path) -> bool:
    """Return whether hardly any room is left where *place* is."""
    try:
        found = os.statvfs(place.parent)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < LEAST_BYTES


def told(
    error: BaseException,
    doing: str,
    among: tuple[type[Exception], ...] = (sqlite3.Error,),
    place: Path | None = None,
) -> StorageError:
    """Return *error*, one of those *among* which drivers raise, with what to do.

    *place* is the file, if it is known. The first one counts: undoing fails as well
    when the transaction is gone.
    """
    while isinstance(error.__context__, among):
        error = error.__context__
    text = str(error)
    hint = ""
    if "full" in text or ("I/O" in text and place and is_full(place)):
        hint = MAKE_ROOM
    elif "I/O" in text:
        hint = "the disk has errors or no room: look at its space and the system's log"
    elif "readonly" in text or "unable to open" in text:
        hint = "check the owner and rights of the state directory"
    elif "locked" in text:
        hint = "another program holds the database; end it, or try again later"
    elif "malformed" in text or "not a database" in text:
        hint = "stop Pangea and restore the last backup"
    return StorageError(f"{doing}: {text}", hint=hint)
