"""What a database driver raised, as the error to tell; without the drivers."""

import sqlite3

from pangea.core.errors import StorageError


def told(
    error: BaseException,
    doing: str,
    among: tuple[type[Exception], ...] = (sqlite3.Error,),
) -> StorageError:
    """Return *error*, one of those *among* which drivers raise, with what to do.

    The first one counts: undoing fails as well when the transaction is gone.
    """
    while isinstance(error.__context__, among):
        error = error.__context__
    text = str(error)
    hint = ""
    if "full" in text:
        hint = "make room on the disk; what was acknowledged is safe"
    elif "readonly" in text or "unable to open" in text:
        hint = "check the owner and rights of the state directory"
    elif "malformed" in text or "not a database" in text:
        hint = "stop Pangea and restore the last backup"
    return StorageError(f"{doing}: {text}", hint=hint)
