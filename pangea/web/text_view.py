"""The dashboard as plain text, for ``curl`` and for terminals."""

from collections.abc import Sequence

from pangea.core.chart import sparkline
from pangea.core.text import safe_text

from .schema import JobAnswer, StatusAnswer
from .text import t
from .view import Recent
from .words import WORST_FIRST, cell_badge, clock, ms, verdict_badge, when


def text_dashboard(
    status: StatusAnswer, jobs: Sequence[JobAnswer], recent: Recent
) -> str:
    """Return counts, troubles and one line a job, safe for a terminal."""
    lines = [
        f"PANGEA {safe_text(status.name, 60)}  {clock(status.now)} UTC",
        _counts(status),
    ]
    lines += [f"! {safe_text(line, 300)}" for line in status.trouble]
    lines += ["", *_table(status, jobs, recent)] if jobs else ["", "no jobs yet"]
    if status.next:
        lines += ["", f"next: {safe_text(status.next, 200)}"]
    return "\n".join(lines) + "\n"


def _counts(status: StatusAnswer) -> str:
    parts = []
    for verdict in WORST_FIRST:
        if number := status.verdicts.get(verdict, 0):
            badge = verdict_badge(verdict)
            parts.append(f"{badge.glyph} {number} {badge.word}")
    return "  ".join(parts) or "no jobs"


def _table(
    status: StatusAnswer, jobs: Sequence[JobAnswer], recent: Recent
) -> list[str]:
    rows: list[tuple[str, ...]] = [
        ("VERDICT", "JOB", "TARGET", "WORKERS", "LAST", "SINCE", "TREND")
    ]
    rows += [_row(job, status.now, recent) for job in jobs]
    widths = [max(len(row[n]) for row in rows) for n in range(6)]
    return [
        "  ".join([*(row[n].ljust(widths[n]) for n in range(6)), row[6]]).rstrip()
        for row in rows
    ]


def _row(job: JobAnswer, now: str, recent: Recent) -> tuple[str, ...]:
    badge, since = verdict_badge(job.verdict), when(job.verdict_since, now)
    return (
        f"{badge.glyph} {badge.word}",
        safe_text(job.name, 40),
        safe_text(f"{job.type} {job.target}", 48) + _wanted(job),
        "".join(cell_badge(vote).glyph for vote in job.votes),
        ms(job.last_duration_ms),
        since.ago if since else "–",
        sparkline(recent.get(job.id, [])),
    )


def _wanted(job: JobAnswer) -> str:
    """Return what is unusual about what is wanted of the target."""
    return f" ({t('dash.expects_fail')})" if job.expect == "fail" else ""
