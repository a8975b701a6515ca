"""Who sat in the electorate of a job, and which stretches late results touch."""

from collections.abc import Iterable

import msgspec

from pangea.core.uptime import Span

from .connection import connection

Seats = tuple[int, ...]
_pack = msgspec.msgpack.encode
_unpack = msgspec.msgpack.Decoder(Seats).decode
_LATEST = "ORDER BY at_us DESC, id DESC LIMIT 1"


def log_seats(changes: Iterable[tuple[int, int, int, Seats]]) -> None:
    """Append changes of electorates: (org, job, at_us, workers)."""
    connection().executemany(
        "INSERT INTO seat_change (org, job, at_us, electorate) VALUES (?, ?, ?, ?)",
        [(org, job, at_us, _pack(seats)) for org, job, at_us, seats in changes],
    )


def seats_now() -> dict[int, Seats]:
    """Return the last electorate of each job that the log has."""
    rows = connection().execute(
        "SELECT job.id, s.electorate FROM job JOIN seat_change s ON s.id ="
        f" (SELECT id FROM seat_change WHERE job = job.id {_LATEST})"
    )
    return {job: _unpack(packed) for job, packed in rows}


def seated_once() -> dict[int, Seats]:
    """Return who ever sat in the electorate of each job, by job."""
    found: dict[int, set[int]] = {}
    for job, packed in connection().execute(
        "SELECT DISTINCT job, electorate FROM seat_change"
    ):
        found.setdefault(job, set()).update(_unpack(packed))
    return {job: tuple(sorted(workers)) for job, workers in found.items()}


def seats(job: int, since_us: int, until_us: int) -> list[tuple[int, Seats]]:
    """Return (at_us, workers) for a stretch, from the last one before it on."""
    rows = connection().execute(
        "SELECT * FROM (SELECT at_us, id, electorate FROM seat_change"
        f"  WHERE job = ? AND at_us <= ? {_LATEST}) AS before"
        " UNION ALL SELECT at_us, id, electorate FROM seat_change"
        "  WHERE job = ? AND at_us > ? AND at_us < ? ORDER BY at_us, id",
        (job, since_us, job, since_us, until_us),
    )
    return [(at_us, _unpack(packed)) for at_us, _, packed in rows]


def mark_late(stretches: Iterable[tuple[int, Span]]) -> None:
    """Remember that results came late for these stretches of jobs."""
    connection().executemany(
        "INSERT INTO late_stretch (job, from_us, to_us) VALUES (?, ?, ?)"
        " ON CONFLICT (job) DO UPDATE SET from_us = CASE"
        "  WHEN excluded.from_us < late_stretch.from_us THEN excluded.from_us"
        "  ELSE late_stretch.from_us END, to_us = CASE"
        "  WHEN excluded.to_us > late_stretch.to_us THEN excluded.to_us"
        "  ELSE late_stretch.to_us END",
        [(job, span.begin_us, span.end_us) for job, span in stretches],
    )


def late_stretches() -> dict[int, Span]:
    """Return the stretches that wait to be judged again, by job."""
    rows = connection().execute("SELECT job, from_us, to_us FROM late_stretch")
    return {job: Span(begin, end) for job, begin, end in rows}


def done(job: int, span: Span) -> None:
    """Forget a stretch that was judged again, unless it has grown meanwhile."""
    connection().execute(
        "DELETE FROM late_stretch WHERE job = ? AND from_us >= ? AND to_us <= ?",
        (job, span.begin_us, span.end_us),
    )
