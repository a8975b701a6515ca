"""The rows of one database in another: copied in batches, read back and compared."""

from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from pangea.core.errors import StorageError

from .copied_tables import Table, go_on_after, last_given
from .link import Link

#: Rows that are held in memory at a time.
BATCH = 1000
#: How many results there are, in both of their forms.
_RESULTS = (
    "SELECT coalesce(sum(last_id - first_id + 1), 0) FROM sheaf"
    " UNION ALL SELECT coalesce(sum(count), 0) FROM chunk"
)

Row = tuple[Any, ...]
#: Told how far something is: what is done, how much of how much.
Tell = Callable[[str, int, int], None]

_pack = msgspec.msgpack.Encoder().encode


class Compared(Struct, frozen=True):
    """A table: its rows here, those that arrived there, and whether all are equal."""

    table: str
    rows: int
    arrived: int
    same: bool


class Digest:
    """What rows hold, in any order: how many, and a sum of the hash of each."""

    def __init__(self) -> None:
        self.rows, self.total = 0, 0

    def add(self, some: list[Row]) -> None:
        """Add rows."""
        for row in some:
            found = blake2b(_pack(row), digest_size=16).digest()
            self.total += int.from_bytes(found, "big")
        self.rows += len(some)

    def __eq__(self, other: object) -> bool:
        """Return whether both are of the same rows."""
        return isinstance(other, Digest) and (self.rows, self.total) == (
            other.rows,
            other.total,
        )

    __hash__ = None  # type: ignore[assignment]  # it changes


class Copy:
    """The copying of *tables*; *tell* is told how far it is."""

    def __init__(
        self, source: Link, target: Link, tables: list[Table], tell: Tell
    ) -> None:
        self._source, self._target, self._tables = source, target, tables
        self._tell = tell
        self._of = sum(_count(source, table) for table in tables)

    def run(self) -> list[Compared]:
        """Copy all, read it back and return what was found.

        In the open transaction of the target. Raises StorageError for a row that the
        target cannot hold, and if something arrived otherwise than it was: then that
        transaction is to be undone.
        """
        sent: dict[str, Digest] = {}
        for table in self._tables:
            sent[table.name] = self._send(table, self._done(sent))
        found: dict[str, Digest] = {}
        for table in self._tables:
            found[table.name] = self._look(table, self._done(found))
        for table in self._tables:
            if table.counted:
                go_on_after(self._target, table, last_given(self._source, table))
        compared = [
            Compared(name, sent[name].rows, found[name].rows, sent[name] == found[name])
            for name in sent
        ]
        return [*compared, self._results()]

    def _send(self, table: Table, done: int) -> Digest:
        digest, known = Digest(), set[tuple[type, ...]]()
        for some in batches(self._source, table):
            _check(table, some, known)
            if table.part_by:
                self._target.make_parts(table.name, set(map(table.key_of, some)))
            try:
                self._target.copy(table.name, table.listed, some)
            except (ValueError, OverflowError) as error:
                raise _cannot(table, some[0], str(error)) from error
            digest.add(some)
            self._tell("copying", done + digest.rows, self._of)
        return digest

    def _look(self, table: Table, done: int) -> Digest:
        digest = Digest()
        for some in batches(self._target, table):
            digest.add(some)
            self._tell("comparing", done + digest.rows, self._of)
        return digest

    def _results(self) -> Compared:
        """Compare how many results there are, however they are packed."""
        here, there = (
            sum(int(n) for (n,) in link.execute(_RESULTS))
            for link in (self._source, self._target)
        )
        return Compared("result", here, there, here == there)

    @staticmethod
    def _done(digests: dict[str, Digest]) -> int:
        return sum(digest.rows for digest in digests.values())


def batches(link: Link, table: Table) -> Iterator[list[Row]]:
    """Yield the rows of *table*, not all of them at a time."""
    sql = f"SELECT {table.listed} FROM {table.name}"
    if link.engine != "postgres":
        cursor: Any = link.execute(sql)
        while some := cursor.fetchmany(BATCH):
            yield some
        return
    name = f"copied_{table.name}"
    link.execute(f"DECLARE {name} NO SCROLL CURSOR FOR {sql}")
    while some := link.execute(f"FETCH {BATCH} FROM {name}").fetchall():
        yield some
    link.execute(f"CLOSE {name}")


def _check(table: Table, some: list[Row], known: set[tuple[type, ...]]) -> None:
    """Refuse values of another kind than their column's: only SQLite holds these."""
    for row in some:
        kinds = tuple(map(type, row))
        if kinds in known:
            continue
        for column, kind, value in zip(table.columns, table.kinds, row, strict=True):
            if value is not None and type(value) is not kind:
                told = f"{column} is {type(value).__name__}, not {kind.__name__}"
                raise _cannot(table, row, told)
        known.add(kinds)


def _cannot(table: Table, row: Row, told: str) -> StorageError:
    first = f"{table.columns[0]} {str(row[0])[:40]}"
    return StorageError(
        f"a row of the table {table.name} at or after {first} cannot be copied: {told}",
        hint="nothing was changed; mend or delete that row, and try again",
    )


def _count(link: Link, table: Table) -> int:
    return int(link.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0])
