"""The dashboard as plain text, for ``curl`` and for terminals."""

from collections.abc import Sequence

from pangea.core.chart import sparkline
from pangea.core.text import safe_text

from .dash_view import workers_line
from .schema import JobAnswer, StatusAnswer
from .text import t
from .view import Recent, reason_of
from .words import WORST_FIRST, cell_badge, clock, ms, verdict_badge, when

#: So many rows fill a terminal: then the counts stand at the end once more.
TALL = 20
COLUMNS = ("verdict", "job", "target", "workers", "last", "since", "trend")


def text_dashboard(
    status: StatusAnswer, jobs: Sequence[JobAnswer], recent: Recent
) -> str:
    """Return counts, troubles and one line a job, safe for a terminal.

    What is not up has a second line with its reason.
    """
    name, counts = safe_text(status.name, 60), _counts(status)
    lines = [f"PANGEA {name}  {clock(status.now)} UTC  {workers_line(status)}"]
    lines += [counts] if jobs else []
    lines += [f"! {safe_text(line, 300)}" for line in status.trouble]
    lines += ["", *(_table(status, jobs, recent) or [t("plain.no_jobs")])]
    if len(jobs) > TALL:
        lines += ["", f"{t('plain.all', n=len(jobs))} {counts}"]
    if status.next:
        lines += ["", t("plain.next", step=safe_text(status.next, 200))]
    return "\n".join(lines) + "\n"


def _counts(status: StatusAnswer) -> str:
    parts = []
    for verdict in WORST_FIRST:
        if number := status.verdicts.get(verdict, 0):
            badge = verdict_badge(verdict)
            parts.append(f"{badge.glyph} {number} {badge.word}")
    return "  ".join(parts)


def _table(
    status: StatusAnswer, jobs: Sequence[JobAnswer], recent: Recent
) -> list[str]:
    """Return head and rows, the columns as wide as their longest; [] without jobs."""
    if not jobs:
        return []
    head = tuple(t(f"plain.{name}") for name in COLUMNS)
    rows = [head, *(_row(job, status.now, recent) for job in jobs)]
    widths = [max(len(row[n]) for row in rows) for n in range(6)]
    lines = [
        "  ".join([*(row[n].ljust(widths[n]) for n in range(6)), row[6]]).rstrip()
        for row in rows
    ]
    whys = [reason_of(job) for job in jobs]
    told = [
        [line, *_below(why, widths[0])]
        for line, why in zip(lines[1:], whys, strict=True)
    ]
    return [lines[0], *(line for pair in told for line in pair)]


def _below(why: str, width: int) -> list[str]:
    """Return the line that tells why, under the name of its job."""
    return [f"{' ' * width}  └ {safe_text(why, 160)}"] if why else []


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
