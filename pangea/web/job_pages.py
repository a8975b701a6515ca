"""The pages of a job: what a person sees of it over any stretch of time."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from pangea.core.errors import NotFound

from .api_notes import NOTES
from .api_past import past_of
from .api_queries import QUERIES, QueryService
from .forms import FormError
from .job_days import HEAT_HOURS, HOUR_S, DaysView, calendar_view, heat_view
from .job_form import JobFields
from .job_head import JobPage, has_page, job_page
from .job_overview import fitted, overview
from .job_range import Range, picker, read_range
from .job_results import EXPORT, find_results, results_view
from .job_workers import POINTS, workers_view
from .keys import HUB, SERVICE, SITE, who_is
from .look import look_of
from .render import render
from .schema import JobAnswer, StatusAnswer
from .view import job_href, stopped_notice


async def job(request: web.Request) -> web.StreamResponse:
    """GET /jobs/{name} : what it is and why, and its past; with ``at`` as of then."""
    return await first_page(request)


async def first_page(
    request: web.Request, refused: FormError | None = None
) -> web.Response:
    """Answer with the first page, and with what was wrong with a note."""
    asked = await _asked(request)
    who, shown = who_is(request), asked.shown
    body, shown = await overview(request, who, asked.job, asked.status, shown, refused)
    kept = {"worker": request.query.get("worker", "")}
    page, notice = asked.page(shown, body, kept=kept), None
    if request.query.get("stopped") == asked.job.name and not shown.at:
        on = request.query.get("stopped_on", "")
        notice = stopped_notice(asked.job, on, "")
    code = 422 if refused else 200
    return render(request, "job.html", page, notice=notice, status=code)


async def workers(request: web.Request) -> web.StreamResponse:
    """GET /jobs/{name}/workers : how its workers compare."""
    asked = await _asked(request)
    org, name, shown = who_is(request).org, asked.job.name, asked.shown
    whole = await request.app[SERVICE].history(
        org,
        name,
        range_s=shown.length_s,
        points=1,
        worker=None,
        until_us=shown.span.end_us,
    )
    shown = fitted(request, shown, whole.added_at, asked.status.now)
    ask, span = _queries(request).percentiles, shown.span
    by_worker = await ask(org, name, span, by="worker", points=POINTS)
    by_region = await ask(org, name, span, by="region", points=0)
    kept = {"scale": request.query.get("scale", "")}
    path = job_href(name)
    body = workers_view(by_worker, by_region, shown, path, kept["scale"])
    page = asked.page(shown, body, tab="/workers", kept=kept)
    return render(request, "job_workers.html", page)


async def days(request: web.Request) -> web.StreamResponse:
    """GET /jobs/{name}/calendar : a year of days, and the hours of four weeks."""
    asked = await _asked(request)
    org, name, shown = who_is(request).org, asked.job.name, asked.shown
    year = await _queries(request).calendar(org, name, days=371, zone=str(shown.zone))
    hours = await request.app[SERVICE].history(
        org,
        name,
        range_s=HEAT_HOURS * HOUR_S,
        points=HEAT_HOURS,
        worker=None,
        until_us=shown.span.end_us,
    )
    last = datetime.fromtimestamp(shown.end_s, shown.zone).date()
    heat = heat_view(hours, shown.zone)
    body = DaysView(calendar_view(year, job_href(name), last, shown.at), heat)
    page = asked.page(shown, body, tab="/calendar", picked=False)
    return render(request, "job_calendar.html", page)


async def results(request: web.Request) -> web.StreamResponse:
    """GET /jobs/{name}/results : page by page, of a worker or an outcome alone."""
    asked = await _asked(request)
    query = {k: request.query.get(k, "") for k in ("worker", "outcome", "cursor")}
    service, org, name = request.app[SERVICE], who_is(request).org, asked.job.name
    found = await find_results(service, org, name, asked.shown, **query)
    path, exports = f"{job_href(name)}/results", has_page(request, EXPORT)
    body = results_view(asked.job, found, asked.shown, query, path, asked.status.now)
    body = body if exports else body.without_export()
    kept = {"worker": query["worker"], "outcome": query["outcome"]}
    page = asked.page(asked.shown, body, tab="/results", kept=kept)
    return render(request, "job_results.html", page)


async def change(request: web.Request) -> web.StreamResponse:
    """GET /jobs/{name}/edit : the form with every field that the job has."""
    return await change_page(request)


async def change_page(
    request: web.Request, refused: FormError | None = None
) -> web.Response:
    """Answer with the form, and with what was wrong with what was sent."""
    asked = await _asked(request, past=False)
    names = sorted({vote.worker for vote in asked.job.votes})
    fields = JobFields.of(asked.job.type, names, job=asked.job, refused=refused)
    page = asked.page(asked.shown, fields, tab="/edit", picked=False)
    return render(request, "job_edit.html", page, status=422 if refused else 200)


class Asked:
    """What every page of a job begins with: the job, the coordinator, the stretch."""

    def __init__(
        self,
        request: web.Request,
        event: int,
        job: JobAnswer,
        status: StatusAnswer,
        shown: Range,
    ) -> None:
        self._request, self._event = request, event
        self.job, self.status, self.shown = job, status, shown

    def page(
        self,
        shown: Range,
        body: Any,
        *,
        tab: str = "",
        kept: Mapping[str, str] | None = None,
        picked: bool = True,
    ) -> JobPage:
        """Return the page with that *body*; *kept* goes into the picker's links."""
        path = job_href(self.job.name) + tab
        now_s, who = self._request.app[SITE].wall(), who_is(self._request)
        return job_page(
            path,
            self.job,
            self.status,
            shown,
            body,
            tab=tab,
            event=self._event,
            admin=who.is_admin,
            notes=who.may("operator") and NOTES in self._request.app,
            picker=picker(path, shown, now_s, kept) if picked else None,
        )


async def _asked(request: web.Request, *, past: bool = True) -> Asked:
    """Return job and status; with ``at`` as they were known then."""
    event = request.app[HUB].last_id
    org, name = who_is(request).org, request.match_info["name"]
    service = request.app[SERVICE]
    query, wall = request.query if past else {}, request.app[SITE].wall()
    shown = read_range(query, wall, look_of(request).clocks)
    status = await service.status(org)
    if shown.at:
        then = await past_of(request).job_at(org, name, shown.span.end_us)
        return Asked(request, event, then, status, shown)
    return Asked(request, event, await service.job(org, name), status, shown)


def _queries(request: web.Request) -> QueryService:
    service = request.app.get(QUERIES)
    if service is None:
        raise NotFound("this coordinator answers no questions about history")
    return service
