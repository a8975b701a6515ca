"""The log of verdicts, corrected: what was said stays, and says since when it errs."""

from collections.abc import Iterable
from typing import NamedTuple

from pangea.core.late import Fix
from pangea.core.model import FIRST_ORG, Result
from pangea.core.uptime import Span
from pangea.core.verdict import Transition, VoteChange

from . import lateness, log_then, results
from .connection import connection

#: Who was silent for longer than this before a stretch did not measure in it.
_SILENT_US = 7 * 86400 * 1_000_000
#: More results of one stretch are not judged again.
MOST_RESULTS = 150_000
_ORG = f"coalesce((SELECT org FROM job WHERE id = ?), {FIRST_ORG})"


def correct(job: int, fix: Fix, now_us: int) -> None:
    """Write *fix*: what is wrong is superseded from now on, what is right beside it."""
    connection().executemany(
        "UPDATE transition SET superseded_us = ? WHERE job = ? AND at_us = ?"
        " AND before = ? AND after = ? AND superseded_us = 0",
        [(now_us, job, t.at_us, t.before, t.after) for t in fix.wrong],
    )
    _insert(job, fix.right, now_us)


def _insert(job: int, turns: Iterable[Transition], now_us: int) -> None:
    connection().executemany(
        "INSERT INTO transition"
        " (org, job, at_us, before, after, reason, line, corrected_us)"
        f" VALUES ({_ORG}, ?, ?, ?, ?, ?, ?, ?)",
        [
            (job, job, t.at_us, t.before, t.after, t.reason, t.line, now_us)
            for t in turns
        ],
    )


def results_between(job: int, whole: Span) -> list[Result] | None:
    """Return all results of a stretch, None if they are too many."""
    found: list[Result] = []
    cursor = None
    while len(found) < MOST_RESULTS:
        page = results.query(
            job,
            since_us=whole.begin_us,
            until_us=whole.end_us,
            limit=results.MOST,
            before=cursor,
        )
        found += page.items
        cursor = page.next
        if cursor is None:
            return found
    return None


def kept_since(begin_us: int) -> int:
    """Return from when on, at the earliest from *begin_us*, all results are kept."""
    return max(begin_us, results.kept_from())


class Measured(NamedTuple):
    """All that is known of a stretch.

    Results, votes held before, verdicts in force, and the changes of the electorate
    from well before until now.
    """

    rows: list[Result]
    held: list[VoteChange]
    said: list[Transition]
    seats: list[tuple[int, lateness.Seats]]


def all_measured(job: int, whole: Span) -> Measured | None:
    """Return what was measured and said of a stretch.

    None if some of its results are no longer kept, or if they are too many.
    """
    if not results.reaches(whole.begin_us):
        return None
    found = results_between(job, whole)
    if found is None:
        return None
    votes = log_then.votes_at([job], whole.begin_us)[job]
    held = [v for v in votes if v.after is not None]
    said = log_then.held(job, whole.begin_us, whole.end_us)
    seats = lateness.seats(job, whole.begin_us - _SILENT_US, 1 << 62)
    return Measured(found, held, said, seats)
