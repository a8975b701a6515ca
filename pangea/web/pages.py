"""The pages a person sees: parse, one call of the service, render or redirect."""

from urllib.parse import urlencode

from aiohttp import web

from .api_notes import notes_about
from .api_workers import WORKERS
from .forms import FormError, read_edit, read_job
from .job_view import job_view
from .keys import SERVICE, WHO, Who, who_is
from .render import (
    back_to,
    login_page,
    render,
    static_file,
    wants_html,
)
from .route import Auth, Handler, Route
from .text_view import text_dashboard
from .then_page import dash_then
from .view import added_notice, dash_view, job_href
from .worker_pages import WORKER_PAGES

SPARK_POINTS = 30
RESULTS = 25
CHART_POINTS = 144
CHART_HOURS = 24

__all__ = ["PAGES", "login_page"]


async def home(request: web.Request) -> web.StreamResponse:
    """GET / : the dashboard; for curl as plain text."""
    who = request.get(WHO)
    if wants_html(request):
        raise web.HTTPSeeOther("/dash" if who else "/login")
    if who is None:
        return web.Response(
            status=401,
            text="Pangea. Log in with a browser, or: "
            'curl -H "Authorization: Bearer TOKEN" …\n',
        )
    service = request.app[SERVICE]
    status, jobs = await service.status(who.org), await service.jobs(who.org)
    recent = {j.id: service.recent(who.org, j.id, SPARK_POINTS) for j in jobs}
    return web.Response(text=text_dashboard(status, jobs, recent))


async def login(request: web.Request) -> web.StreamResponse:
    """GET /login : the form for the access code."""
    if request.get(WHO) is not None:
        raise web.HTTPSeeOther("/dash")
    return login_page(request)


async def dash(request: web.Request) -> web.StreamResponse:
    """GET /dash : every job, live; with ``at`` as it was known then."""
    if at := request.query.get("at"):
        return await dash_then(request, who_is(request), at)
    return await _dash(request, who_is(request))


async def _dash(
    request: web.Request, who: Who, form: FormError | None = None
) -> web.Response:
    service = request.app[SERVICE]
    status = await service.status(who.org)
    jobs = await service.jobs(who.org)
    found = await request.app[WORKERS].workers(who.org)
    workers = [worker for worker in found if worker.state == "approved"]
    recent = {j.id: service.recent(who.org, j.id, SPARK_POINTS) for j in jobs}
    starters = [] if jobs else await service.starters(who.org)
    added = next((j for j in jobs if j.name == request.query.get("added")), None)
    view = dash_view(
        status, jobs, workers, recent, starters, form, asked="new" in request.query
    )
    notice = added_notice(added) if added else None
    code = 422 if form else 200
    return render(request, "dash.html", view, notice=notice, status=code)


async def add_job(request: web.Request) -> web.StreamResponse:
    """POST /jobs : [EXECUTE]."""
    who, data = who_is(request), await request.post()
    try:
        with FormError.catching(data):
            spec = read_job(data)
            answer = await request.app[SERVICE].add_job(who.org, spec, dry_run=False)
    except FormError as error:
        return await _dash(request, who, error)
    raise web.HTTPSeeOther(f"/dash?{urlencode({'added': answer.job.name})}")


async def add_starters(request: web.Request) -> web.StreamResponse:
    """POST /starters : add all that the empty dashboard offers."""
    who, service = who_is(request), request.app[SERVICE]
    have = {(job.type, job.target) for job in await service.jobs(who.org)}
    for starter in await service.starters(who.org):
        spec = starter.spec
        if (spec.type, spec.target) not in have:
            await service.add_job(who.org, spec, dry_run=False)
    raise web.HTTPSeeOther("/dash")


async def job(request: web.Request) -> web.StreamResponse:
    """GET /jobs/{name} : one job, why it is as it is, and its recent results.

    With ``at`` it leads to the dashboard of that moment, which has the job's row.
    """
    if at := request.query.get("at"):
        raise web.HTTPSeeOther(f"/dash?{urlencode({'at': at})}")
    return await _job(request, who_is(request))


async def _job(
    request: web.Request, who: Who, form: FormError | None = None
) -> web.Response:
    service, name = request.app[SERVICE], request.match_info["name"]
    found = await service.job(who.org, name)
    status = await service.status(who.org)
    results = await service.results(
        who.org,
        name,
        worker=None,
        since_us=None,
        until_us=None,
        limit=RESULTS,
        cursor=None,
    )
    history = await service.history(
        who.org, name, range_s=CHART_HOURS * 3600, points=CHART_POINTS, worker=None
    )
    recent = service.recent(who.org, found.id, CHART_POINTS)
    notes = await notes_about(request, who.org, name, CHART_HOURS * 3600)
    view = job_view(status, found, results.items, history, recent, form, notes)
    code = 422 if form else 200
    return render(request, "job.html", view, status=code)


async def edit_job(request: web.Request) -> web.StreamResponse:
    """POST /jobs/{name}/edit : change name, interval, timeout."""
    who, data = who_is(request), await request.post()
    name = request.match_info["name"]
    try:
        with FormError.catching(data):
            patch = read_edit(data)
            job = await request.app[SERVICE].edit_job(who.org, name, patch)
    except FormError as error:
        return await _job(request, who, error)
    raise web.HTTPSeeOther(job_href(job.name))


async def stop_job(request: web.Request) -> web.StreamResponse:
    """POST /jobs/{name}/stop : everywhere, or on the worker of the form."""
    who, data = who_is(request), await request.post()
    worker, name = str(data.get("worker") or "") or None, request.match_info["name"]
    await request.app[SERVICE].stop_job(who.org, name, worker)
    raise back_to(data, name)


async def start_job(request: web.Request) -> web.StreamResponse:
    """POST /jobs/{name}/start : everywhere, or on the worker of the form."""
    who, data = who_is(request), await request.post()
    worker, name = str(data.get("worker") or "") or None, request.match_info["name"]
    await request.app[SERVICE].start_job(who.org, name, worker)
    raise back_to(data, name)


async def run_job(request: web.Request) -> web.StreamResponse:
    """POST /jobs/{name}/run : probe now."""
    who, name = who_is(request), request.match_info["name"]
    await request.app[SERVICE].run_job(who.org, name)
    raise back_to(await request.post(), name)


async def remove_job(request: web.Request) -> web.StreamResponse:
    """POST /jobs/{name}/remove : after the confirmation on its page."""
    who, name = who_is(request), request.match_info["name"]
    await request.app[SERVICE].remove_job(who.org, name)
    raise web.HTTPSeeOther("/dash")


def _page(method: str, path: str, handler: Handler, auth: Auth, summary: str) -> Route:
    return Route(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        auth=auth,
        page=True,
    )


PAGES: list[Route] = [
    _page("GET", "/", home, "none", "The dashboard; plain text for curl"),
    _page("GET", "/login", login, "none", "The form for the access code"),
    _page("GET", "/dash", dash, "viewer", "Every job, live, or as it was at=03:12"),
    _page("POST", "/jobs", add_job, "admin", "Add a job from the form"),
    _page("POST", "/starters", add_starters, "admin", "Add the first jobs"),
    _page("GET", "/jobs/{name}", job, "viewer", "One job"),
    _page("POST", "/jobs/{name}/edit", edit_job, "admin", "Change a job"),
    _page("POST", "/jobs/{name}/stop", stop_job, "admin", "Stop a job"),
    _page("POST", "/jobs/{name}/start", start_job, "admin", "Start a job"),
    _page("POST", "/jobs/{name}/run", run_job, "admin", "Probe now"),
    _page("POST", "/jobs/{name}/remove", remove_job, "admin", "Remove a job"),
    *WORKER_PAGES,
    _page("GET", "/static/{file}", static_file, "none", "Style, scripts, fonts"),
    _page("GET", "/favicon.svg", static_file, "none", "The icon"),
    _page("GET", "/favicon.ico", static_file, "none", "The icon"),
]
