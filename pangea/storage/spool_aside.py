"""Where a damaged spool goes: beside the one that takes its place."""

import time
from itertools import count
from pathlib import Path

#: What SQLite may have beside a file, and the file.
PARTS = ("", "-wal", "-shm")


def set_aside(path: Path) -> Path:
    """Rename a damaged file with its journal; a new one can take its place."""
    aside = _free_name(path)
    for end in PARTS:
        part = path.with_name(path.name + end)
        if part.exists():
            part.rename(aside.with_name(aside.name + end))
    path.touch(0o600)
    return aside


def _free_name(path: Path) -> Path:
    """Return a name for what is set aside now that nothing has: none is overwritten."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    names = (f"{path.name}.damaged-{stamp}{f'-{n}' if n else ''}" for n in count())
    return next(
        aside
        for aside in map(path.with_name, names)
        if not any(aside.with_name(aside.name + end).exists() for end in PARTS)
    )
