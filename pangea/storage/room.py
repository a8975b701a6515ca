"""How much room the database takes, and giving back what it no longer needs."""

import os
from pathlib import Path

from msgspec import Struct

from .connection import connection

#: Pages given back in one step.
PAGES = 500
#: Less than that is kept for what is stored next.
_SPARE_BYTES, _SPARE_SHARE = 64 * 1024 * 1024, 0.25


class Room(Struct, frozen=True):
    """Bytes: of the file, of these free for what is stored next, and of the disk.

    ``shrinks`` is whether the file can become smaller while it is in use.
    """

    file: int
    spare: int
    disk_free: int
    shrinks: bool


def room(path: Path) -> Room:
    """Return how much room the database at *path* takes."""
    pages, free, size = (
        _number(name) for name in ("page_count", "freelist_count", "page_size")
    )
    disk = os.statvfs(path.parent)
    return Room(
        file=pages * size,
        spare=free * size,
        disk_free=disk.f_bavail * disk.f_frsize,
        shrinks=_number("auto_vacuum") == 2,
    )


def give_back() -> int:
    """Give some free pages back to the disk, if many are free; return how many.

    Call again until it returns 0. A database made by an early version cannot.
    """
    pages, free, size = (
        _number(name) for name in ("page_count", "freelist_count", "page_size")
    )
    if free * size <= _SPARE_BYTES or free <= pages * _SPARE_SHARE:
        return 0
    connection().execute(f"PRAGMA incremental_vacuum({PAGES})").fetchall()
    return free - _number("freelist_count")


def _number(pragma: str) -> int:
    found: int = connection().execute(f"PRAGMA {pragma}").fetchone()[0]
    return found
