"""The first page of a job: everything that it prints below its head."""

from urllib.parse import quote

from aiohttp import web
from msgspec import Struct

from pangea.core.durations import format_duration
from pangea.core.errors import NotFound
from pangea.core.text import safe_text
from pangea.core.uptime import Span

from .api_explain import EXPLAIN, ExplainAnswer
from .api_past import PAST
from .api_queries import QUERIES
from .api_timeline import TIMELINES
from .forms import FormError
from .job_chart import ChartView, chart_view
from .job_events import EventRow, Happened, event_rows, happened
from .job_head import has_page
from .job_phases import PhasesView, phases_view
from .job_points import seconds
from .job_range import DAY, Range, address, since_added
from .job_results import ResultRow, result_row
from .job_strip import StripView, strip_view
from .job_why import (
    VoteRow,
    Why,
    facts_of,
    incident_words,
    push_words,
    vote_rows,
    why_view,
)
from .keys import SERVICE, Who
from .schema import HistoryAnswer, JobAnswer, ResultAnswer, StatusAnswer, moment
from .schema_past import UptimeAnswer
from .sheet_view import SheetView, sheet_views
from .sides import Side
from .text import t
from .view import add_command, job_href

#: Results that are read for the sheets, and those of them that are listed.
READ, LISTED = 30, 8
#: Up to so long a stretch is compared with the one before, in seconds.
COMPARED_S = 31 * DAY


class NoteForm(Struct, frozen=True):
    """The form that adds a note; ``about`` are the choices of whom it is about."""

    error: str
    hint: str
    text: str
    at: str
    about: list[tuple[str, str]]


class Overview(Struct, frozen=True):
    """All of /jobs/{name} below its head.

    ``worker`` alone is drawn, "" for all of them; ``whole`` is the address of that.
    ``before`` tells what is other than in the stretch just before.
    """

    why: Why | None
    trust: str
    incident: str
    incident_href: str
    facts: list[tuple[str, str]]
    notices: list[str]
    command: str
    push: str
    votes: list[VoteRow]
    strip: StripView | None
    chart: ChartView
    phases: PhasesView | None
    events: list[EventRow]
    sheets: list[SheetView]
    results: list[ResultRow]
    note: NoteForm
    worker: str
    whole: str
    first: str
    before: str


async def overview(
    request: web.Request,
    who: Who,
    job: JobAnswer,
    status: StatusAnswer,
    shown: Range,
    refused: FormError | None,
) -> tuple[Overview, Range]:
    """Return the page and the stretch that it shows.

    Of a job that is younger than the usual stretch a shorter one is shown.
    """
    history, shown = await _history(request, who.org, job, shown, status.now)
    now = moment(shown.span.end_us) if shown.at else status.now
    told = None if shown.at else await _explained(request, who.org, job)
    found = await happened(request, who.org, job.name, shown)
    last = await _last(request, who.org, job, shown)
    promised = await _promised(request, who.org, job, shown)
    linked = has_page(request, "/incidents/{id}")
    worker = request.query.get("worker", "")
    body = Overview(
        why=why_view(told),
        trust=safe_text(job.trust, 300),
        incident=incident_words(job, status),
        incident_href=f"/incidents/{quote(job.incident or '', safe='')}" * linked,
        facts=facts_of(job, history, status, promised),
        notices=[safe_text(line, 300) for line in job.notices],
        command=add_command(job),
        push=push_words(job, last),
        votes=vote_rows(job, told, now, shown.query),
        strip=await _strip(request, who.org, job, shown, now, found),
        chart=chart_view(history, shown),
        phases=phases_view(history, shown),
        events=event_rows(found, now, linked=linked),
        sheets=sheet_views(job, last, now),
        results=[result_row(job, one, now) for one in last[:LISTED]],
        note=_note_form(job, shown, refused),
        worker=safe_text(worker, 63),
        whole=address(job_href(job.name), shown.query),
        before=await _than_before(request, who.org, job, shown),
        first=t("job.first_within", every=f"{job.interval_s:g} s"),
    )
    return body, shown


async def _history(
    request: web.Request, org: int, job: JobAnswer, shown: Range, now: str
) -> tuple[HistoryAnswer, Range]:
    """Return the history of the stretch, or of a shorter one that is not all empty."""
    found = await _points(request, org, job, shown)
    fitting = fitted(request, shown, found.added_at, now)
    if fitting == shown:
        return found, shown
    return await _points(request, org, job, fitting), fitting


def fitted(request: web.Request, shown: Range, added_at: str | None, now: str) -> Range:
    """Return *shown*, or if nobody asked for it what fits a job added *added_at*."""
    asked = request.query.keys() & {"range", "from", "to", "at"}
    if asked or added_at is None:
        return shown
    return since_added(shown, seconds(now) - seconds(added_at))


async def _points(
    request: web.Request, org: int, job: JobAnswer, shown: Range
) -> HistoryAnswer:
    return await request.app[SERVICE].history(
        org,
        job.name,
        range_s=shown.length_s,
        points=shown.points,
        worker=request.query.get("worker") or None,
        until_us=shown.span.end_us,
    )


async def _strip(
    request: web.Request,
    org: int,
    job: JobAnswer,
    shown: Range,
    now: str,
    found: Happened,
) -> StripView | None:
    service = request.app.get(TIMELINES)
    if service is None:
        return None
    timeline = await service.timeline(org, job.name, shown.span)
    return strip_view(timeline, shown, now, found.incidents, found.notes)


async def _explained(
    request: web.Request, org: int, job: JobAnswer
) -> ExplainAnswer | None:
    service = request.app.get(EXPLAIN)
    if service is None:
        return None
    try:
        return await service.job(org, job.name)
    except NotFound:
        return None  # there is nothing to explain of a job without workers


async def _last(
    request: web.Request, org: int, job: JobAnswer, shown: Range
) -> list[ResultAnswer]:
    """Return the last results up to the end of the stretch, if it is in the past."""
    page = await request.app[SERVICE].results(
        org,
        job.name,
        worker=request.query.get("worker") or None,
        since_us=None,
        until_us=shown.span.end_us if shown.at or not shown.word else None,
        limit=READ,
        cursor=None,
    )
    found: list[ResultAnswer] = page.items
    return found


async def _than_before(
    request: web.Request, org: int, job: JobAnswer, shown: Range
) -> str:
    """Return how the stretch differs from the one just before it, in words."""
    service, span = request.app.get(QUERIES), shown.span
    if service is None or shown.length_s > COMPARED_S:
        return ""
    worker = request.query.get("worker") or None
    earlier = Span(2 * span.begin_us - span.end_us, span.begin_us)
    if earlier.begin_us < 0:
        return ""
    found = await service.compare(
        org, job.name, Side(earlier, worker), Side(span, worker)
    )
    # With nothing on one side there is nothing to compare.
    if not (found.before.figures.runs and found.after.figures.runs):
        return ""
    length = format_duration(shown.length_s)
    return t("job.before", length=length, words=safe_text(found.words, 300))


async def _promised(
    request: web.Request, org: int, job: JobAnswer, shown: Range
) -> UptimeAnswer | None:
    service = request.app.get(PAST)
    if service is None or not job.slo:
        return None
    # A promise is over a month, whatever is drawn.
    end = shown.span.end_us
    return await service.uptime(org, job.name, Span(end - 30 * DAY * 1_000_000, end))


def _note_form(job: JobAnswer, shown: Range, refused: FormError | None) -> NoteForm:
    typed = refused.typed if refused else {}
    at = typed.get("at", shown.at)
    return NoteForm(
        error=refused.message if refused else "",
        hint=refused.hint if refused else "",
        text=typed.get("text", ""),
        at=safe_text(at, 60),
        about=[(word, _about(labels)) for word, labels in about_whom(job).items()],
    )


def about_whom(job: JobAnswer) -> dict[str, dict[str, str]]:
    """Return whom a note on this page may be about: a word for it, and its labels."""
    labels = {
        f"label-{n}": {key: value} for n, (key, value) in enumerate(job.labels.items())
    }
    return {"this": {"job": job.name}, **labels, "all": {}}


def _about(labels: dict[str, str]) -> str:
    if not labels:
        return t("job.about_all")
    key, value = next(iter(labels.items()))
    if key == "job":
        return t("job.about_this")
    return t("job.about_label", label=safe_text(f"{key}={value}", 80))
