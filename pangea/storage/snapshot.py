"""Copies of a database that somebody uses, and what a copy holds.

SQLite's own backup within one read transaction: writers go on, and the copy is of
one moment, also when another process asks for it.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from pangea.core.errors import ConfigError, StorageError

from .refusal import told
from .schema import SCRIPTS
from .settings import NAME

#: Told after each step: pages that are copied, and all.
Progress = Callable[[int, int], None]
#: Pages of a step (4 MiB), for the sake of the progress.
STEP = 1024
BUSY_S = 5
_HISTORY = "schema_migration"


class Facts(Struct, frozen=True):
    """What a database holds: the rows of each table, and its last migration.

    ``counts`` has the results under ``result``, however they are packed.
    """

    schema: str
    counts: dict[str, int]

    @property
    def words(self) -> str:
        """What a person wants to know of it."""
        named = (("job", "job"), ("worker", "worker"), ("result", "result"))
        return ", ".join(
            f"{n:,} {word}{'' if n == 1 else 's'}"
            for table, word in named
            for n in (self.counts.get(table, 0),)
        )


def take(source: Path, copy: Path, tell: Progress) -> None:
    """Copy the database *source* to the new private file *copy*.

    Raises StorageError with what to do: no room, or held by another program.
    """
    os.close(os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with _refused(f"{source} cannot be copied", copy):
        _copy(source, copy, tell)


def _copy(source: Path, copy: Path, tell: Progress) -> None:
    with closing(_link(source, "rw")) as link, closing(_link(copy, "rw")) as target:
        link.execute("PRAGMA query_only = 1")
        link.execute("BEGIN")
        # Now it has its moment: nothing that is written since makes it begin again.
        link.execute("SELECT count(*) FROM sqlite_master").fetchone()
        target.execute("PRAGMA synchronous = OFF")
        link.backup(target, pages=STEP, progress=lambda _, left, n: tell(n - left, n))
        # It stands alone then, without files beside it.
        target.execute("PRAGMA journal_mode = DELETE")


def inspect(path: Path) -> Facts:
    """Check the copy *path* thoroughly and return what it holds.

    Raises StorageError if it is damaged, ConfigError if it is not of Pangea.
    """
    with _refused(f"{path} cannot be read", path), closing(_link(path, "ro")) as link:
        link.execute("PRAGMA trusted_schema = OFF")
        found = link.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise StorageError(
                f"the database is damaged: {found}",
                hint="restore the last backup: docs/backup.md",
            )
        tables = [
            row[0]
            for row in link.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
                " AND name NOT LIKE 'sqlite^_%' ESCAPE '^'"
            )
        ]
        if _HISTORY not in tables:
            raise ConfigError(f"{path} is a database, but not one of Pangea")
        counts = {name: _count(link, name) for name in tables}
        if "sheaf" in tables:
            counts["result"] = _results(link)
        return Facts(_schema(link), counts)


def name_in(path: Path) -> str:
    """Return the name of the coordinator that the copy *path* is of, "" if unknown."""
    with _refused(f"{path} cannot be read", path), closing(_link(path, "ro")) as link:
        sql = "SELECT value FROM setting WHERE key = ?"
        found = link.execute(sql, (NAME,)).fetchone()
        return str(found[0]) if found else ""


def knows(schema: str) -> bool:
    """Return whether this program can open a database of *schema*."""
    return (SCRIPTS / f"{schema}.py").is_file() and schema.replace("_", "").isalnum()


def newest() -> str:
    """Return the schema of this program."""
    return max(script.stem for script in SCRIPTS.glob("0*.py"))


def _schema(link: sqlite3.Connection) -> str:
    found = link.execute(f"SELECT max(name) FROM {_HISTORY}").fetchone()[0]
    return str(found or "none")


def _count(link: sqlite3.Connection, table: str) -> int:
    name = table.replace('"', '""')
    return int(link.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])


def _results(link: sqlite3.Connection) -> int:
    """Return how many results there are, sealed and not."""
    rows = link.execute(
        "SELECT coalesce(sum(last_id - first_id + 1), 0) FROM sheaf"
        " UNION ALL SELECT coalesce(sum(count), 0) FROM chunk"
    )
    return sum(int(count) for (count,) in rows)


def _link(path: Path, mode: str) -> sqlite3.Connection:
    where = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(where, uri=True, timeout=BUSY_S, isolation_level=None)


@contextmanager
def _refused(doing: str, place: Path) -> Iterator[None]:
    """Tell what SQLite raised in words."""
    try:
        yield
    except sqlite3.Error as error:
        with contextlib.suppress(FileNotFoundError):
            place.with_name(place.name + "-journal").unlink()
        raise told(error, doing, place=place) from error
