"""What is copied from one database to another: tables, columns, ids that were given."""

from typing import Any, NamedTuple

from .link import Link
from .postgres_sql import PARTED

#: Each database has its own: it says which scripts ran there.
_HISTORY = "schema_migration"
_KINDS = {"INTEGER": int, "REAL": float, "TEXT": str, "BLOB": bytes}


class Table(NamedTuple):
    """A table: its columns, what they hold, and which say in what part a row lies.

    ``counted`` tells whether it gives its rows their ids.
    """

    name: str
    columns: tuple[str, ...]
    kinds: tuple[type, ...]
    part_by: tuple[int, ...]
    counted: bool

    @property
    def listed(self) -> str:
        """The columns, divided by commas."""
        return ", ".join(self.columns)

    def key_of(self, row: tuple[Any, ...]) -> tuple[int, ...]:
        """Return what says in which part *row* lies."""
        return tuple(row[at] for at in self.part_by)


def tables_of(link: Link) -> list[Table]:
    """Return the tables of a SQLite database, those that others refer to first."""
    names = [
        name
        for (name,) in link.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
            " AND name NOT LIKE 'sqlite^_%' ESCAPE '^' ORDER BY name"
        )
        if name != _HISTORY
    ]
    wanted = {name: _referred(link, name) - {name} for name in names}
    ordered: list[str] = []
    while wanted:
        free = [name for name, needs in wanted.items() if not needs & wanted.keys()]
        ordered.extend(free or wanted)
        for name in free or list(wanted):
            del wanted[name]
    return [_table(link, name) for name in ordered]


def last_given(link: Link, table: Table) -> int:
    """Return the last id that *table* gave, 0 if it gave none."""
    if link.engine == "postgres":
        sequence = _sequence(link, table.name)
        last, is_called = link.execute(
            f"SELECT last_value, CASE WHEN is_called THEN 1 ELSE 0 END FROM {sequence}"
        ).fetchone()
        return int(last) if is_called else 0
    sql = f"SELECT coalesce(max(id), 0) FROM {table.name}"
    found = [int(link.execute(sql).fetchone()[0])]
    rows = link.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table.name,))
    return max(found + [int(seq or 0) for (seq,) in rows])


def go_on_after(link: Link, table: Table, last: int) -> None:
    """Let *table* give ids above *last*, also where the rows that had them are gone."""
    if not last:
        return
    if link.engine == "postgres":
        sequence = _sequence(link, table.name)
        link.execute("SELECT setval(?, ?)", (sequence, last))
        return
    made = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
    if "AUTOINCREMENT" in link.execute(made, (table.name,)).fetchone()[0]:
        link.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table.name,))
        link.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (table.name, last))


def _table(link: Link, name: str) -> Table:
    found = link.execute(f"PRAGMA table_info({name})").fetchall()
    columns = tuple(row[1] for row in found)
    parted = PARTED.get(name, "()").partition("(")[2].rstrip(")")
    keys = [word.strip() for word in parted.split(",") if word.strip()]
    return Table(
        name,
        columns,
        tuple(_KINDS[row[2].upper()] for row in found),
        tuple(columns.index(key) for key in keys),
        any(row[1] == "id" and row[2] == "INTEGER" and row[5] for row in found),
    )


def _referred(link: Link, name: str) -> set[str]:
    return {row[2] for row in link.execute(f"PRAGMA foreign_key_list({name})")}


def _sequence(link: Link, name: str) -> str:
    sql = "SELECT pg_get_serial_sequence(?, 'id')"
    return str(link.execute(sql, (name,)).fetchone()[0])
