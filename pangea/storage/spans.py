"""Stretches of a job's time that say nothing of its uptime, kept for ever."""

from collections.abc import Iterable

from msgspec import Struct

from pangea.core.uptime import Span as Stretch

from .connection import connection

MAINTENANCE = "maintenance"
DRILL = "drill"


class Span(Struct, frozen=True):
    """A stretch of ``kind``, in microseconds of UTC; ``until_us`` is not in it.

    One that goes on has the end that is planned.
    """

    job: int
    kind: str
    from_us: int
    until_us: int
    why: str = ""

    @property
    def span(self) -> Stretch:
        """Only its time."""
        return Stretch(self.from_us, self.until_us)


def put(span: Span) -> None:
    """Store a stretch; one that began then has a new end."""
    put_all([span])


def put_all(spans: Iterable[Span]) -> None:
    """Store stretches; those that began then have new ends."""
    connection().executemany(
        "INSERT INTO span (job, kind, from_us, until_us, why) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (job, kind, from_us) DO UPDATE"
        " SET until_us = excluded.until_us, why = excluded.why",
        [(s.job, s.kind, s.from_us, s.until_us, s.why) for s in spans],
    )


def between(job: int, since_us: int, until_us: int) -> list[Span]:
    """Return the stretches of *job* that lie in a stretch of time, oldest first."""
    return _spans(
        "WHERE job = ? AND from_us < ? AND until_us > ?", (job, until_us, since_us)
    )


def open_at(now_us: int) -> list[Span]:
    """Return the stretches of all jobs that are planned to end after *now_us*."""
    return _spans("WHERE until_us > ?", (now_us,))


def drills_since(since_us: int) -> list[Span]:
    """Return the drills of all jobs that ended after *since_us*, or go on."""
    return _spans("WHERE kind = ? AND until_us > ?", (DRILL, since_us))


def _spans(where: str, values: Iterable[int | str]) -> list[Span]:
    rows = connection().execute(
        f"SELECT job, kind, from_us, until_us, why FROM span {where} ORDER BY from_us",
        tuple(values),
    )
    return [Span(*row) for row in rows]
