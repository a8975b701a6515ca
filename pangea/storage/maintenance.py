"""Planned maintenance as it is stored."""

import msgspec
from msgspec.structs import replace

from pangea.core.maintenance import Maintenance

from .connection import connection

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Maintenance).decode
#: Those that ended are shown so many at most.
MOST_ENDED = 1000


def add(planned: Maintenance) -> Maintenance:
    """Store a new maintenance and return it with its id."""
    cursor = connection().execute(
        "INSERT INTO maintenance (org, ended_us, plan) VALUES (?, ?, ?) RETURNING id",
        (planned.org, planned.ended_us, _pack(planned)),
    )
    return replace(planned, id=int(cursor.fetchone()[0]))


def update(planned: Maintenance) -> None:
    """Store a changed maintenance under its id."""
    connection().execute(
        "UPDATE maintenance SET ended_us = ?, plan = ? WHERE id = ?",
        (planned.ended_us, _pack(planned), planned.id),
    )


def remove(number: int) -> None:
    """Forget a maintenance; the stretches in which jobs were in it stay."""
    connection().execute("DELETE FROM maintenance WHERE id = ?", (number,))


def page(org: int, limit: int, before: int | None = None) -> list[Maintenance]:
    """Return so many of an organisation's below the id *before*, newest first."""
    rows = connection().execute(
        "SELECT id, plan FROM maintenance WHERE org = ? AND id < ?"
        " ORDER BY id DESC LIMIT ?",
        (org, 1 << 62 if before is None else before, limit),
    )
    return [replace(_unpack(plan), id=number) for number, plan in rows]


def one(number: int) -> Maintenance | None:
    """Return the maintenance with that id, if there is one."""
    row = connection().execute("SELECT plan FROM maintenance WHERE id = ?", (number,))
    found = row.fetchone()
    return replace(_unpack(found[0]), id=number) if found else None


def all() -> list[Maintenance]:
    """Return every maintenance that was not ended, and the last that were."""
    rows = connection().execute(
        "SELECT id, plan FROM maintenance WHERE ended_us = 0 OR id IN"
        " (SELECT id FROM maintenance WHERE ended_us > 0 ORDER BY id DESC LIMIT ?)"
        " ORDER BY id",
        (MOST_ENDED,),
    )
    return [replace(_unpack(plan), id=number) for number, plan in rows]
