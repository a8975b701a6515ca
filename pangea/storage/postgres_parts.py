"""Tables in parts, so that what is past its time is dropped and never deleted.

Results lie in blocks of ids, in the order they came; chunks by the day; rollups by
stretches that are as long as their step is coarse. Parts are made by the writer, in
the transaction that first needs them, without holding up who reads.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pangea.core.rollup import DAY, HOUR, MINUTE, TEN_MINUTES

from .link import Key
from .postgres_sql import WITH_REST

BLOCK = 1 << 20
#: Seconds in one part of the rollups, by their step.
STRETCH = {MINUTE: 7 * DAY, TEN_MINUTES: 28 * DAY, HOUR: 182 * DAY, DAY: 1456 * DAY}
#: Of what is said to be before 2000 or after 2100 no parts are made.
_SANE = range(946_684_800, 4_102_444_800)
#: So long may a part that is to be dropped be waited for: nobody can read meanwhile.
DROP_WAIT = "300ms"

Run = Callable[[str], Any]


class Part(NamedTuple):
    """A part of a table: rows with keys from ``low`` until before ``high``."""

    name: str
    low: Key
    high: Key


def part_of(table: str, key: Key) -> Part | None:
    """Return the part where a row with *key* lies; None for the rest."""
    if table in ("result", "sheaf"):
        block = key[0] // BLOCK
        return Part(f"{table}_{block}", (block * BLOCK,), ((block + 1) * BLOCK,))
    *before, start = key
    width = STRETCH.get(before[0]) if before else DAY
    if width is None or start not in _SANE:
        return None
    begin = start // width * width
    words = [table, *map(str, before), f"{datetime.fromtimestamp(begin, UTC):%Y%m%d}"]
    return Part("_".join(words), (*before, begin), (*before, begin + width))


def part_named(name: str) -> Part | None:
    """Return the part of that name; None for the rest, and for what is no part."""
    table, *before, at = name.split("_")
    if not (at.isdecimal() and all(word.isdecimal() for word in before)):
        return None
    if table in ("result", "sheaf"):
        return part_of(table, (int(at) * BLOCK,))
    try:
        begin = datetime.strptime(at, "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return part_of(table, (*map(int, before), int(begin.timestamp())))


class Parts:
    """The parts that are there, as far as this link knows; *run* runs a statement."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._known: dict[str, set[str]] = {}
        self._new: set[str] = set()

    def make(self, table: str, keys: Iterable[Key]) -> None:
        """Make what is missing for rows with *keys*."""
        wanted = {part_of(table, key) for key in set(keys)} - {None}
        for part in sorted(part for part in wanted if part is not None):
            if part.name not in self._new and part.name not in self._names(table):
                self._make(table, part)

    def drop(self, table: str, before: Key) -> int:
        """Drop what lies wholly before a key; return how many.

        Raises the error of a lock that is not had at once.
        """
        found = [part_named(name) for name in self._listed(table)]
        past = [
            part
            for part in found
            if part and part.high <= before and part.low[:-1] == before[:-1]
        ]
        if past:
            self._run(f"SET LOCAL lock_timeout = '{DROP_WAIT}'")
            for part in past:
                self._run(f"DROP TABLE {part.name}")
            self._known.pop(table, None)
        if table in WITH_REST:
            oldest = min(before[-1], _SANE.start)
            step = f" AND step = {before[0]}" if len(before) > 1 else ""
            self._run(f"DELETE FROM {table} WHERE start < {oldest}{step}")
        return len(past)

    def committed(self) -> None:
        """What was made is there."""
        for name in self._new:
            known = self._known.get(name.partition("_")[0])
            if known is not None:
                known.add(name)
        self._new.clear()

    def undone(self) -> None:
        """What was made since the last commit may not be there."""
        self._known.clear()
        self._new.clear()

    def _make(self, table: str, part: Part) -> None:
        low, high = (", ".join(map(str, key)) for key in part[1:])
        # To attach a table locks nobody out, to make it as a part does.
        self._run(
            f"CREATE TABLE {part.name} (LIKE {table} INCLUDING DEFAULTS"
            " INCLUDING STORAGE)"
        )
        self._run(
            f"ALTER TABLE {table} ATTACH PARTITION {part.name}"
            f" FOR VALUES FROM ({low}) TO ({high})"
        )
        self._new.add(part.name)

    def _names(self, table: str) -> set[str]:
        if table not in self._known:
            self._known[table] = set(self._listed(table)) - self._new
        return self._known[table]

    def _listed(self, table: str) -> list[str]:
        rows = self._run(
            "SELECT part.relname::text FROM pg_inherits"
            " JOIN pg_class part ON part.oid = inhrelid"
            f" WHERE inhparent = '{table}'::regclass ORDER BY 1"
        )
        return [name for (name,) in rows.fetchall()]
