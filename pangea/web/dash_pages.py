"""The dashboard's pages: the matrix, its data for the scripts, and first jobs."""

from collections.abc import Mapping
from urllib.parse import urlencode

from aiohttp import web
from msgspec.structs import replace

from .dash_view import BEATS, dash_view
from .keys import HUB, SERVICE, WHO, who_is
from .live import live
from .matrix import asked_of
from .matrix_body import approved, dash_jobs
from .render import render, wants_html
from .route import Route
from .schema import JobAnswer
from .text import t
from .text_view import text_dashboard
from .then_page import dash_then
from .undo import UNDO, Stopped, stands
from .view import Beats, Notice, added_notice, stopped_notice

SPARK_POINTS = 30
#: What can be done to many jobs at once.
ACTIONS = ("stop", "start", "label", "move", "delete")


async def home(request: web.Request) -> web.StreamResponse:
    """GET / : the dashboard; for curl as plain text."""
    who = request.get(WHO)
    if wants_html(request):
        raise web.HTTPSeeOther("/dash" if who else "/login")
    if who is None:
        return web.Response(
            status=401,
            text=t("plain.log_in") + "\n",
        )
    service = request.app[SERVICE]
    status, jobs = await service.status(who.org), await service.jobs(who.org)
    recent = {j.id: service.recent(who.org, j.id, SPARK_POINTS) for j in jobs}
    return web.Response(text=text_dashboard(status, jobs, recent))


async def dash(request: web.Request) -> web.StreamResponse:
    """GET /dash : the matrix, live; with ``at`` as it was known then."""
    who = who_is(request)
    if at := request.query.get("at"):
        return await dash_then(request, who, at)
    if "new" in request.query:
        raise web.HTTPSeeOther("/new")
    service, event = request.app[SERVICE], request.app[HUB].last_id
    status, jobs = await service.status(who.org), await service.jobs(who.org)
    workers = await approved(request)
    starters = [] if jobs else await service.starters(who.org)
    ask = asked_of(request.query)

    def beats(job: int) -> Beats:
        return service.beats(who.org, job, BEATS)

    view = dash_view(status, jobs, workers, beats, starters, ask, event=event)
    undo = request.app[UNDO].stopped(who.org, request.query.get("undo", ""))
    notice = _said(request.query, {job.name: job for job in jobs}, undo)
    return render(request, "dash.html", view, notice=notice)


def _said(
    query: Mapping[str, str], jobs: Mapping[str, JobAnswer], undo: Stopped
) -> Notice | None:
    """Return what the address says was done; *undo* has the jobs that it stopped."""
    if added := jobs.get(query.get("added", "")):
        return added_notice(added)
    if stopped := jobs.get(query.get("stopped", "")):
        return stopped_notice(stopped, "", "dash")
    said = _done(query.get("done", ""))
    left = [n for n, since in undo.items() if n in jobs and stands(jobs[n], since)]
    if said and left:
        return replace(said, undo="/jobs/bulk", fields={"undo": query["undo"]})
    return said


def _done(text: str) -> Notice | None:
    """Return what was done to many jobs, in words, as the address tells it."""
    action, _, number = text.partition(":")
    if action not in ACTIONS or not number.isdigit() or len(number) > 5:
        return None
    return Notice(t(f"dash.done_{action}", n=int(number)))


async def add_starters(request: web.Request) -> web.StreamResponse:
    """POST /starters : add all that the empty dashboard offers."""
    who, service = who_is(request), request.app[SERVICE]
    have = {(job.type, job.target) for job in await service.jobs(who.org)}
    for starter in await service.starters(who.org):
        spec = starter.spec
        if (spec.type, spec.target) not in have:
            await service.add_job(who.org, spec, dry_run=False)
    raise web.HTTPSeeOther("/dash")


def added_at(name: str) -> str:
    """Return the address of the dashboard that says what was added."""
    return f"/dash?{urlencode({'added': name})}"


DASH_PAGES: list[Route] = [
    Route(
        method="GET",
        path="/",
        handler=home,
        summary="The dashboard; plain text for curl",
        auth="none",
        page=True,
    ),
    Route(
        method="GET",
        path="/dash",
        handler=dash,
        summary="Every job, live, or as it was at=03:12",
        page=True,
    ),
    Route(
        method="GET",
        path="/dash/jobs",
        handler=dash_jobs,
        summary="Every job, for the dashboard's scripts",
        page=True,
    ),
    Route(
        method="GET",
        path="/live",
        handler=live,
        summary="What open pages are told",
        page=True,
        streams=True,
    ),
    Route(
        method="POST",
        path="/starters",
        handler=add_starters,
        summary="Add the first jobs",
        auth="admin",
        page=True,
    ),
]
