"""What the forms on a job's pages send: change, note, stop, start, run, remove."""

from typing import Any

from aiohttp import web
from multidict import MultiMapping

from pangea.core.errors import UsageError

from .api_notes import NOTES, check_text
from .api_past import at_us
from .forms import FormError
from .job_form import read_patch
from .job_overview import about_whom
from .job_pages import change, change_page, days, first_page, job, results, workers
from .keys import SERVICE, Who, who_is
from .render import back_to
from .route import Auth, Handler, Route
from .schema_incidents import MOST_TEXT, NoteSpec
from .view import job_href


async def edit_job(request: web.Request) -> web.StreamResponse:
    """POST /jobs/{name}/edit : change what the form says."""
    who, data = who_is(request), await request.post()
    service, name = request.app[SERVICE], request.match_info["name"]
    found = await service.job(who.org, name)
    try:
        with FormError.catching(data):
            changed = await service.edit_job(who.org, name, read_patch(data, found))
    except FormError as error:
        return await change_page(request, error)
    raise web.HTTPSeeOther(job_href(changed.name))


async def note_job(request: web.Request) -> web.StreamResponse:
    """POST /jobs/{name}/note : note what happened to it, or to others too."""
    who, data = who_is(request), await request.post()
    try:
        with FormError.catching(data):
            await _keep_note(request, who, data)
    except FormError as error:
        return await first_page(request, error)
    href = job_href(request.match_info["name"])
    raise web.HTTPSeeOther(f"{href}#happened")


async def _keep_note(request: web.Request, who: Who, data: MultiMapping[Any]) -> None:
    """Keep the note that a form describes. Raises UsageError."""
    service = request.app.get(NOTES)
    if service is None:
        raise UsageError("this coordinator keeps no notes")
    text, at = str(data.get("text", "")).strip(), str(data.get("at", "")).strip()
    check_text(text)
    if len(text) > MOST_TEXT:
        raise UsageError(f"the note is longer than {MOST_TEXT} characters")
    name = request.match_info["name"]
    job = await request.app[SERVICE].job(who.org, name)
    whom = about_whom(job).get(str(data.get("about", "this")))
    if whom is None:
        raise UsageError("nobody knows whom the note is about", hint="choose again")
    spec = NoteSpec(text=text, labels=whom)
    moment = at_us(request, at) if at else None
    await service.add_note(who.org, who.name, spec, moment)


async def stop_job(request: web.Request) -> web.StreamResponse:
    """POST /jobs/{name}/stop : everywhere, or on the worker of the form."""
    who, data = who_is(request), await request.post()
    worker, name = str(data.get("worker") or "") or None, request.match_info["name"]
    await request.app[SERVICE].stop_job(who.org, name, worker)
    where = {"stopped_on": worker} if worker else {}
    raise back_to(request, data, name, stopped=name, **where)


async def start_job(request: web.Request) -> web.StreamResponse:
    """POST /jobs/{name}/start : everywhere, or on the worker of the form."""
    who, data = who_is(request), await request.post()
    worker, name = str(data.get("worker") or "") or None, request.match_info["name"]
    await request.app[SERVICE].start_job(who.org, name, worker)
    raise back_to(request, data, name)


async def run_job(request: web.Request) -> web.StreamResponse:
    """POST /jobs/{name}/run : probe now."""
    who, name = who_is(request), request.match_info["name"]
    await request.app[SERVICE].run_job(who.org, name)
    raise back_to(request, await request.post(), name)


async def remove_job(request: web.Request) -> web.StreamResponse:
    """POST /jobs/{name}/remove : after the confirmation on its page."""
    who, name = who_is(request), request.match_info["name"]
    await request.app[SERVICE].remove_job(who.org, name)
    raise web.HTTPSeeOther("/dash")


def _page(method: str, end: str, handler: Handler, auth: Auth, summary: str) -> Route:
    path = f"/jobs/{{name}}{end}"
    return Route(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        auth=auth,
        page=True,
    )


JOB_PAGES: list[Route] = [
    _page("GET", "", job, "viewer", "One job: votes, chart, past, results"),
    _page("GET", "/workers", workers, "viewer", "How the workers of a job compare"),
    _page("GET", "/calendar", days, "viewer", "A job's year of days, and its hours"),
    _page("GET", "/results", results, "viewer", "The results of a job"),
    _page("GET", "/edit", change, "admin", "The form that changes a job"),
    _page("POST", "/edit", edit_job, "admin", "Change a job"),
    _page("POST", "/note", note_job, "operator", "Note what happened to a job"),
    _page("POST", "/stop", stop_job, "admin", "Stop a job"),
    _page("POST", "/start", start_job, "admin", "Start a job"),
    _page("POST", "/run", run_job, "admin", "Probe now"),
    _page("POST", "/remove", remove_job, "admin", "Remove a job"),
]
