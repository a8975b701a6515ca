"""How often verdicts changed: counted in the log."""

from collections.abc import Collection
from typing import NamedTuple

from pangea.core.model import Verdict
from pangea.core.uptime import Span

from .connection import connection


class Turns(NamedTuple):
    """How often the verdict of a job changed, how often to down, and when last."""

    job: int
    changes: int
    outages: int
    last_us: int


def most_turns(span: Span, jobs: Collection[int], limit: int) -> list[Turns]:
    """Return those of *jobs* whose verdicts changed most often within *span*.

    Only changes that hold, between verdicts that were known. Each job is a seek, as
    the log is in the order of jobs.
    """
    unknown = str(Verdict.UNKNOWN)
    rows = connection().execute(
        "SELECT job.id, count(*), sum(CASE WHEN t.after = ? THEN 1 ELSE 0 END),"
        " max(t.at_us) FROM job JOIN transition t ON t.job = job.id"
        " AND t.at_us >= ? AND t.at_us < ? WHERE t.superseded_us = 0"
        " AND t.before <> ? AND t.after <> ? GROUP BY job.id",
        (str(Verdict.DOWN), span.begin_us, span.end_us, unknown, unknown),
    )
    found = [Turns(job, int(n), int(d), at) for job, n, d, at in rows if job in jobs]
    return sorted(found, key=lambda t: (-t.changes, -t.outages, t.job))[:limit]
