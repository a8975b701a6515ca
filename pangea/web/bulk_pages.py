"""What is done to many jobs at once: stop, start, label, move, delete."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from urllib.parse import urlencode

from aiohttp import web
from msgspec import Struct
from multidict import MultiMapping

from pangea.core.errors import Conflict, NotAllowed, NotFound, UsageError
from pangea.core.text import safe_text

from .api_workers import WORKERS
from .auth import as_it_was
from .forms import Choice
from .job_form import read_labels, read_places
from .keys import SERVICE, who_is
from .render import render
from .route import Route
from .schema import JobPatch
from .service import Service
from .text import t
from .undo import UNDO, stands

#: Jobs that one form may name.
MOST = 5000
#: So many refusals are told one by one.
TOLD = 10
REFUSALS = (UsageError, Conflict, NotAllowed, NotFound)

Change = Callable[[Service, int, str], Awaitable[object]]


class BulkView(Struct, frozen=True):
    """The page that asks once more, and what went wrong."""

    title: str
    action: str
    names: list[str]
    workers: list[Choice]
    error: str
    refused: list[str]
    undo: str


async def change_jobs(request: web.Request) -> web.StreamResponse:
    """POST /jobs/bulk : do ``action`` to each ``job`` of the form.

    What cannot be taken back, or needs to know more, is asked for on a page first.
    With ``undo`` what that stop stopped is started again.
    """
    data = await request.post()
    names = list(dict.fromkeys(str(name)[:100] for name in data.getall("job", [])))
    action = str(data.get("action", ""))
    if "undo" in data:
        return await _take_back(request, str(data["undo"]))
    if not names or len(names) > MOST:
        return await _page(request, action, [], error=t("dash.bulk_none"))
    if action in ("label", "move", "delete") and "sure" not in data:
        return await _page(request, action, names)
    stopped: dict[str, str | None] = {}
    try:
        change = _change(action, data, stopped)
    except UsageError as error:
        said = f"{error} ({error.hint})" if error.hint else str(error)
        return await _page(request, action, names, error=said)
    refused = await _each(request, names, change)
    undo = request.app[UNDO].note(who_is(request).org, stopped) if stopped else ""
    if refused:
        return await _page(request, "", [], refused=refused, undo=undo)
    raise _back(request, action, len(names), undo)


def _back(
    request: web.Request, action: str, number: int, undo: str = ""
) -> web.HTTPSeeOther:
    """Return the way back to the dashboard as it was, which says what was done."""
    said = {"done": f"{action}:{number}", **({"undo": undo} if undo else {})}
    back = as_it_was(request, "/dash")
    return web.HTTPSeeOther(f"{back}{'&' if '?' in back else '?'}{urlencode(said)}")


async def _take_back(request: web.Request, token: str) -> web.Response:
    """Start what was stopped as *token* and has stood since, and nothing else."""
    service, org, started = request.app[SERVICE], who_is(request).org, 0
    for name, since in request.app[UNDO].take(org, token).items():
        with suppress(*REFUSALS):  # it may have gone meanwhile
            if stands(await service.job(org, name), since):
                await service.start_job(org, name, None)
                started += 1
    if not started:
        return await _page(request, "", [], error=t("dash.bulk_forgotten"))
    raise _back(request, "start", started)


def _change(
    action: str, data: MultiMapping[object], stopped: dict[str, str | None]
) -> Change:
    """Return what is done to each job; what it has *stopped* is noted. UsageError."""
    if action == "stop":
        return partial(_stop, stopped)
    if action == "start":
        return lambda service, org, name: service.start_job(org, name, None)
    if action == "delete":
        return lambda service, org, name: service.remove_job(org, name)
    if action == "label":
        return _patching(_label_patch(str(data.get("labels", ""))[:8000]))
    if action == "move":
        return _patching(JobPatch(on=read_places(data)))
    raise UsageError(f"nothing is called {safe_text(action, 40)!r}")


async def _stop(
    stopped: dict[str, str | None], service: Service, org: int, name: str
) -> None:
    ran = (await service.job(org, name)).enabled
    job = await service.stop_job(org, name, None)
    if ran:
        stopped[name] = job.verdict_since


def _label_patch(text: str) -> JobPatch:
    """Return the change of labels: ``key=value`` sets one, ``key=`` takes it away."""
    labels: dict[str, str | None] = {
        key: value or None for key, value in read_labels(text).items()
    }
    if not labels:
        raise UsageError("give a label", hint="write key=value")
    return JobPatch(labels=labels)


def _patching(patch: JobPatch) -> Change:
    return lambda service, org, name: service.edit_job(org, name, patch)


async def _each(request: web.Request, names: list[str], change: Change) -> list[str]:
    """Change each job; return what was refused, in words."""
    service, org = request.app[SERVICE], who_is(request).org
    refused = []
    for name in names:
        try:
            await change(service, org, name)
        except REFUSALS as error:
            refused.append(safe_text(f"{name}: {error}", 300))
    return refused


async def _page(
    request: web.Request,
    action: str,
    names: list[str],
    *,
    error: str = "",
    refused: list[str] | None = None,
    undo: str = "",
) -> web.Response:
    workers = await request.app[WORKERS].workers(who_is(request).org)
    known = action if action in ("label", "move", "delete") else ""
    refused = refused or []
    more = len(refused) - TOLD
    if more > 0:
        refused = [*refused[:TOLD], t("dash.bulk_more", more=more)]
    view = BulkView(
        title=t("dash.bulk_title"),
        action=known,
        names=[safe_text(name, 63) for name in names],
        workers=[
            Choice(w.name, safe_text(w.name, 60), False)
            for w in workers
            if w.state == "approved"
        ],
        error=safe_text(error, 300),
        refused=refused,
        undo=undo,
    )
    return render(request, "bulk.html", view, status=422 if error or refused else 200)


BULK_PAGES: list[Route] = [
    Route(
        method="POST",
        path="/jobs/bulk",
        handler=change_jobs,
        summary="Do something to many jobs",
        auth="admin",
        page=True,
    )
]
