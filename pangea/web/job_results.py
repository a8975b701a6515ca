"""The results of a job, page by page, of a worker or an outcome alone."""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from pangea.core.sheet import gist
from pangea.core.text import safe_text

from .job_range import Range, address
from .schema import JobAnswer, ResultAnswer, moment
from .service import Service
from .sheet_view import badge_of, voted
from .text import t
from .words import Badge, When, meaning, ms, when, why

#: Results on a page, those looked at for it at most, and read in one go.
ON_PAGE, LOOKED, ONCE = 50, 5000, 250
EXPORT = "/api/v1/export/results"
OUTCOMES = ("ok", "warn", "failed", "error")


class ResultRow(Struct, frozen=True):
    """A result in the list."""

    at: When | None
    moment: str
    worker: str
    badge: Badge
    latency: str
    phases: str
    reason: str
    meaning: str
    flags: str


class Option(Struct, frozen=True):
    """A choice of a filter."""

    value: str
    label: str
    chosen: bool


class Found(Struct, frozen=True):
    """Results, where to go on, and whether that was all that was looked at."""

    items: list[ResultAnswer]
    next: str
    gave_up: bool


class ResultsView(Struct, frozen=True):
    """A page of results; ``older`` is "" at the end."""

    rows: list[ResultRow]
    workers: list[Option]
    outcomes: list[Option]
    older: str
    newest: str
    gave_up: bool
    csv: str

    def without_export(self) -> "ResultsView":
        """Return the same for a site that exports nothing."""
        return replace(self, csv="")


async def find_results(
    service: Service,
    org: int,
    name: str,
    shown: Range,
    *,
    worker: str,
    outcome: str,
    cursor: str,
) -> Found:
    """Return the next results with *outcome* ("": any); bounded, however few match."""
    span, found, looked = shown.span, [], 0
    at: str | None = cursor or None
    while True:
        page = await service.results(
            org,
            name,
            worker=worker or None,
            since_us=span.begin_us,
            until_us=span.end_us,
            limit=ONCE if outcome else ON_PAGE,
            cursor=at,
        )
        items: list[ResultAnswer] = page.items
        found += [r for r in items if not outcome or said(r) == outcome]
        looked, at = looked + len(items), page.next
        if at is None or len(found) >= ON_PAGE or looked >= LOOKED:
            enough = at is None or len(found) >= ON_PAGE
            return Found(found, at or "", not enough)


def said(result: ResultAnswer) -> str:
    """Return what a result says, as the filter calls it."""
    return voted(result) or "error"


def results_view(
    job: JobAnswer,
    found: Found,
    shown: Range,
    query: Mapping[str, str],
    path: str,
    now: str,
) -> ResultsView:
    """Return a page of results with its filters."""
    worker, outcome = query.get("worker", ""), query.get("outcome", "")
    kept = {**shown.query, "worker": worker, "outcome": outcome}
    names = sorted({v.worker for v in job.votes} | ({worker} if worker else set()))
    words = {"": t("job.any"), **{one: t(f"job.outcome_{one}") for one in OUTCOMES}}
    span = shown.span
    since = {"since": moment(span.begin_us), "until": moment(span.end_us)}
    export = {"job": job.name, "worker": worker, **since, "format": "csv"}
    return ResultsView(
        rows=[result_row(job, one, now) for one in found.items],
        workers=[
            Option("", t("job.all_workers"), not worker),
            *(Option(n, safe_text(n, 63), n == worker) for n in names),
        ],
        outcomes=[Option(k, word, k == outcome) for k, word in words.items()],
        older=address(path, {**kept, "cursor": found.next}) if found.next else "",
        newest=address(path, kept) if query.get("cursor") else "",
        gave_up=found.gave_up,
        csv=address(EXPORT, export),
    )


def result_row(job: JobAnswer, result: ResultAnswer, now: str) -> ResultRow:
    """Return a result as a line."""
    at = when(result.started_at, now)
    return ResultRow(
        at=at,
        moment=at.exact.removesuffix(" UTC") if at else "",
        worker=safe_text(result.worker, 60),
        badge=badge_of(result),
        latency=ms(result.duration_ms),
        phases=_phases(result.phases),
        reason=why(result.reason, result.detail) or gist(job.type, result.readings),
        meaning=meaning(result.reason),
        flags=_flags(result.flags),
    )


def _flags(flags: Sequence[str]) -> str:
    return ", ".join(safe_text(flag, 20) for flag in flags)


def _phases(phases: Mapping[str, float]) -> str:
    return "  ".join(f"{safe_text(k, 20)} {ms(v)}" for k, v in phases.items())
