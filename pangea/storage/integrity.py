"""Whether the database is in order: what is wrong with it, in sentences."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from pangea.core.chunk import decode
from pangea.core.errors import StorageError
from pangea.core.sheaf import Opened, all_jobs

from .chunks import SPANS, Place
from .connection import REFUSALS, connection
from .link import Link
from .sqlite_link import SqliteLink

MOST = 20
INTERRUPTED = "interrupted"
#: Steps of SQLite between two looks at the clock.
_STEPS = 100_000
_BUSY_S = 5


class Checked(Struct, frozen=True):
    """What is wrong, and whether there was the time to look at all of it."""

    wrong: list[str]
    whole: bool = True


def check(newest: int = 1_000) -> list[str]:
    """Return what is wrong; nothing, if all is well. Runs in a reader.

    SQLite looks through all pages; of the packed results the *newest* of each kind are
    opened, because SQLite knows nothing of what is in them.
    """
    return _check(connection(), newest)


def check_file(path: Path, within_s: float, newest: int = 1_000) -> Checked:
    """Check a database that another process may use; it is only read.

    Looking ends after *within_s* seconds.
    """
    try:
        with closing(_open(path)) as link:
            until = time.monotonic() + within_s
            link.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
            wrong = _check(link, newest)
            whole = time.monotonic() <= until
    except sqlite3.Error as error:
        return Checked([f"the database cannot be read: {error}"])
    return Checked([line for line in wrong if whole or INTERRUPTED not in line], whole)


def _open(path: Path) -> SqliteLink:
    """Open a file without leaving anything beside it."""
    in_use = path.with_name(path.name + "-wal").exists()
    mode = "mode=ro" if in_use else "mode=ro&immutable=1"
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?{mode}",
        uri=True,
        timeout=_BUSY_S,
        isolation_level=None,
        factory=SqliteLink,
    )


def _check(link: Link, newest: int) -> list[str]:
    try:
        wrong = []
        if link.engine == "sqlite":
            rows = link.execute(f"PRAGMA quick_check({MOST})").fetchall()
            wrong = [row[0] for row in rows if row[0] != "ok"]
        told = [f"the database is damaged: {line}" for line in wrong]
        told += _broken_chunks(link, newest)
        return [*told, *_broken_sheaves(link, newest)][:MOST]
    except REFUSALS as error:
        return [f"the database cannot be read: {error}"]


def _broken_chunks(link: Link, most: int) -> Iterator[str]:
    for span in SPANS:
        rows = link.execute(
            "SELECT span, start, job, worker, count, packed FROM chunk"
            " WHERE span = ? ORDER BY start DESC LIMIT ?",
            (span, most),
        )
        for *key, count, packed in rows:
            yield from _told(str(Place(*key)), count, partial(_decoded, packed))


def _broken_sheaves(link: Link, most: int) -> Iterator[str]:
    rows = link.execute(
        "SELECT first_id, last_id, jobs, heads, bodies FROM sheaf"
        " ORDER BY first_id DESC LIMIT ?",
        (most,),
    )
    for first, last, *packed in rows:
        count = last - first + 1
        name = f"the sheaf from {first} to {last}"
        yield from _told(name, count, partial(_opened, count, *packed))


def _decoded(packed: bytes) -> int:
    return len(decode(packed))


def _opened(count: int, jobs: bytes, heads: bytes, bodies: bytes | None) -> int:
    sheaf = Opened(count, heads, bodies)
    for n in range(count):
        sheaf.row(n, body=True)
    return len(all_jobs(jobs, count))


def _told(name: str, count: int, opened: Callable[[], int]) -> Iterator[str]:
    try:
        found = opened()
    except StorageError as error:
        yield f"the results of {name} are lost: {error}"
    else:
        if found != count:
            yield f"{name} holds {found} results instead of {count}"
