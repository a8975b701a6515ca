"""What each worker's last result told, as the job page shows it."""

from collections.abc import Sequence

from msgspec import Struct

from pangea.core.chart import waterfall
from pangea.core.fact import Part
from pangea.core.sheet import sheet
from pangea.core.text import safe_text

from .schema import JobAnswer, ResultAnswer, VoteAnswer
from .words import Badge, When, cell_badge, ms, when, why

#: Of several workers the one that says the worst is shown open.
WORST_FIRST = ("failed", "warn", None, "ok")
#: The columns of all bars together; a telephone has room for them.
BAR = 24


class PhaseRow(Struct, frozen=True):
    """A phase: its name, how long it took, and a bar where it began."""

    name: str
    bar: str
    latency: str


class SheetView(Struct, frozen=True):
    """The last result of a worker."""

    worker: str
    anchor: str
    badge: Badge
    at: When | None
    latency: str
    reason: str
    phases: list[PhaseRow]
    parts: list[Part]
    open: bool


def sheet_views(
    job: JobAnswer, results: Sequence[ResultAnswer], now: str
) -> list[SheetView]:
    """Return a sheet for each worker among *results*, which are newest first."""
    last: dict[str, ResultAnswer] = {}
    for result in results:
        last.setdefault(result.worker, result)
    if not last:
        return []
    worst = min(last.values(), key=lambda result: WORST_FIRST.index(voted(result)))
    return [_view(job, last[name], now, worst) for name in sorted(last)]


def voted(result: ResultAnswer) -> str | None:
    """Return what a result says: ok, warn or failed; None: it could not tell."""
    if result.outcome == "error":
        return None
    warned = result.outcome == "ok" and "warn" in result.flags
    return "warn" if warned else "failed" if result.outcome != "ok" else "ok"


def badge_of(result: ResultAnswer) -> Badge:
    """Return how the outcome of a result is shown."""
    vote = VoteAnswer(worker=result.worker, outcome=voted(result), state="probing")
    return cell_badge(vote)


def _view(
    job: JobAnswer, result: ResultAnswer, now: str, worst: ResultAnswer
) -> SheetView:
    return SheetView(
        worker=safe_text(result.worker, 60),
        anchor=f"r-{result.worker}",
        badge=badge_of(result),
        at=when(result.started_at, now),
        latency=ms(result.duration_ms),
        reason=why(result.reason, result.detail),
        phases=_phases(result),
        parts=sheet(job.type, result.readings),
        open=result is worst,
    )


def _phases(result: ResultAnswer) -> list[PhaseRow]:
    """Return the phases, if there are several: one alone is the whole."""
    phases = result.phases
    if len(phases) < 2:
        return []
    drawn = waterfall([max(spent, 0.0) for spent in phases.values()], BAR)
    return [
        PhaseRow(safe_text(name, 20), bar, ms(spent))
        for (name, spent), bar in zip(phases.items(), drawn, strict=True)
    ]
