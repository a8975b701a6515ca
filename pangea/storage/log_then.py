"""The two logs at a moment of the past: seeks in their indexes, never a scan.

``state_at`` and ``votes_at`` tell what was known then: what a correction wrote
later is not in it. ``held`` tells what holds now: the corrected log.
"""

from collections.abc import Iterable

from msgspec import Struct

from pangea.core.model import Verdict, VoteValue
from pangea.core.uptime import Span
from pangea.core.verdict import Transition, VoteChange

from .connection import connection

_LATEST = "ORDER BY at_us DESC, id DESC LIMIT 1"
_VOTES = {str(value): value for value in VoteValue}
_COLUMNS = "job, at_us, before, after, reason, line"


class Then(Struct, frozen=True):
    """A job as it was known at a moment; ``verdict`` may be ``paused``."""

    job: int
    verdict: str
    since_us: int
    reason: str


def state_at(org: int, at_us: int) -> dict[int, Then]:
    """Return what was known at *at_us* of each job of *org* that was there then."""
    rows = connection().execute(
        "SELECT job.id, t.after, t.at_us, t.reason, p.paused, p.at_us FROM job"
        " LEFT JOIN transition t ON t.id = (SELECT id FROM transition"
        f"  WHERE job = job.id AND at_us <= ? AND corrected_us = 0 {_LATEST})"
        " LEFT JOIN pause p ON p.id = (SELECT id FROM pause"
        f"  WHERE job = job.id AND at_us <= ? {_LATEST})"
        " WHERE job.org = ? AND job.created_at_us <= ?",
        (at_us, at_us, org, at_us),
    )
    return {row[0]: _then(*row) for row in rows}


def _then(
    job: int,
    verdict: str | None,
    since_us: int | None,
    reason: str | None,
    paused: int | None,
    paused_us: int | None,
) -> Then:
    if paused:
        return Then(job, "paused", paused_us or 0, "stopped")
    if verdict is None:
        return Then(job, Verdict.UNKNOWN, 0, "not probed yet")
    return Then(job, verdict, since_us or 0, reason or "")


def votes_at(jobs: Iterable[int], at_us: int) -> dict[int, list[VoteChange]]:
    """Return the last change of each worker's vote on *jobs* until *at_us*.

    One whose ``after`` is None had no vote then.
    """
    found: dict[int, list[VoteChange]] = {}
    link = connection()
    for job in jobs:
        rows = link.execute(
            "WITH RECURSIVE voter (id) AS ("
            " SELECT min(worker) FROM vote_change WHERE job = ?"
            " UNION ALL SELECT (SELECT min(worker) FROM vote_change"
            "  WHERE job = ? AND worker > voter.id) FROM voter"
            "  WHERE voter.id IS NOT NULL)"
            " SELECT v.worker, v.at_us, v.before, v.after, v.cause FROM voter"
            " JOIN vote_change v ON v.id = (SELECT id FROM vote_change"
            f"  WHERE job = ? AND worker = voter.id AND at_us <= ? {_LATEST})",
            (job, job, job, at_us),
        )
        found[job] = [
            VoteChange(job, worker, us, _vote(before), _vote(after), cause)
            for worker, us, before, after, cause in rows
        ]
    return found


def held(job: int, since_us: int, until_us: int) -> list[Transition]:
    """Return the verdicts that hold for a stretch, oldest first.

    The first is the last one before it, if there is one.
    """
    rows = connection().execute(
        f"SELECT * FROM (SELECT {_COLUMNS}, id FROM transition WHERE job = ?"
        f"  AND at_us <= ? AND superseded_us = 0 {_LATEST}) AS before"
        f" UNION ALL SELECT {_COLUMNS}, id FROM transition WHERE job = ?"
        "  AND at_us > ? AND at_us < ? AND superseded_us = 0"
        " ORDER BY at_us, id",
        (job, since_us, job, since_us, until_us),
    )
    return [_transition(row) for row in rows]


def _transition(row: tuple[int, int, str, str, str, str, int]) -> Transition:
    job, at_us, before, after, reason, line, _ = row
    return Transition(job, at_us, Verdict(before), Verdict(after), reason, line)


def changes(job: int, since_us: int, until_us: int, most: int) -> list[VoteChange]:
    """Return the changes of votes on *job* within a stretch, the first *most*."""
    rows = connection().execute(
        "SELECT job, worker, at_us, before, after, cause FROM vote_change"
        " WHERE job = ? AND at_us > ? AND at_us < ? ORDER BY at_us, id LIMIT ?",
        (job, since_us, until_us, most),
    )
    return [
        VoteChange(j, worker, at_us, _vote(before), _vote(after), cause)
        for j, worker, at_us, before, after, cause in rows
    ]


def log_pauses(pauses: Iterable[tuple[int, int, int, bool]]) -> None:
    """Append to the log of pauses: (org, job, at_us, paused)."""
    connection().executemany(
        "INSERT INTO pause (org, job, at_us, paused) VALUES (?, ?, ?, ?)",
        list(pauses),
    )


def paused_now() -> dict[int, int]:
    """Return the jobs that the log of pauses says are paused, each since when."""
    rows = connection().execute(
        "SELECT job.id, p.at_us FROM job JOIN pause p ON p.id = (SELECT id FROM pause"
        f" WHERE job = job.id {_LATEST}) WHERE p.paused = 1"
    )
    return dict(iter(rows))


def pauses(job: int, since_us: int, until_us: int) -> list[Span]:
    """Return when *job* was paused within a stretch."""
    rows = connection().execute(
        "SELECT * FROM (SELECT at_us, id, paused FROM pause WHERE job = ?"
        f"  AND at_us <= ? {_LATEST}) AS before"
        " UNION ALL SELECT at_us, id, paused FROM pause WHERE job = ?"
        "  AND at_us > ? AND at_us < ? ORDER BY at_us, id",
        (job, since_us, job, since_us, until_us),
    )
    found: list[Span] = []
    since: int | None = None
    for at_us, _, paused in rows:
        if paused and since is None:
            since = at_us
        elif not paused and since is not None:
            found.append(Span(since, at_us))
            since = None
    return found if since is None else [*found, Span(since, until_us)]


def _vote(text: str | None) -> VoteValue | None:
    return None if text is None else _VOTES[text]
