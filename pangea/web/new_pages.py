"""The page of ``[+ NEW MONITOR]``: fill in, try once, see the price, execute."""

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from aiohttp import web
from msgspec import Struct

from pangea.core.errors import Conflict, NotAllowed, NotFound, UsageError
from pangea.core.text import safe_text

from .api_probes import PROBES, ProbeLine, ProbeSpec
from .api_workers import WORKERS
from .dash_pages import added_at
from .forms import FormError
from .job_form import JobFields, read_spec
from .job_options import probe_types
from .keys import SERVICE, SITE, WHO, who_is
from .refusals import TooMany
from .render import render
from .route import Route
from .schema import JobSpec, VoteAnswer
from .text import t
from .view import add_command
from .words import Badge, cell_badge, ms, why

#: A try for a page waits for its workers no longer than that, in seconds.
TRY_S = 20.0


class TriedRow(Struct, frozen=True):
    """What one worker answered to the try."""

    worker: str
    badge: Badge
    latency: str
    why: str


class NewView(Struct, frozen=True):
    """All of /new; ``price`` and ``command`` once the form could be understood."""

    title: str
    fields: JobFields
    price: str
    command: str
    tried: list[TriedRow]
    can_try: bool


async def new(request: web.Request) -> web.StreamResponse:
    """GET /new : the form, for the ``type`` of the query."""
    return await _page(request, request.query)


async def add_job(request: web.Request) -> web.StreamResponse:
    """POST /jobs : [EXECUTE]; ``do`` may also be ``check``, ``try`` or ``type``."""
    data, do = await request.post(), (await request.post()).get("do", "execute")
    if do == "type":
        return await _page(request, data)
    org, service = who_is(request).org, request.app[SERVICE]
    try:
        with FormError.catching(data):
            spec = read_spec(data)
            answer = await service.add_job(org, spec, dry_run=do != "execute")
    except FormError as error:
        return await _page(request, data, refused=error)
    if do == "execute":
        raise web.HTTPSeeOther(added_at(answer.job.name))
    tried = await _try(request, spec) if do == "try" else []
    return await _page(
        request,
        data,
        price=answer.cost.words,
        command=add_command(answer.job),
        tried=tried,
    )


async def _page(
    request: web.Request,
    typed: Mapping[str, Any],
    *,
    refused: FormError | None = None,
    price: str = "",
    command: str = "",
    tried: list[TriedRow] | None = None,
) -> web.Response:
    found = await request.app[WORKERS].workers(who_is(request).org)
    workers = [worker.name for worker in found if worker.state == "approved"]
    type_ = str(typed.get("type", "http"))
    type_ = type_ if type_ in probe_types() else "http"
    if refused is None:
        typed = FormError("", "", {}).typed if not typed else _typed(typed)
    view = NewView(
        title=t("new.page_title"),
        fields=JobFields.of(
            type_,
            workers,
            typed=typed,
            refused=refused,
            intervals=request.app[SITE].intervals,
        ),
        price=price,
        command=command,
        tried=tried or [],
        can_try=PROBES in request.app and bool(request[WHO]),
    )
    return render(request, "new.html", view, status=422 if refused else 200)


def _typed(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a form or a link says, bounded."""
    typed: dict[str, Any] = {key: str(data[key])[:65_536] for key in data}
    ticked = data.getall("worker", []) if hasattr(data, "getall") else []
    typed["worker"] = [str(name)[:200] for name in ticked]
    return typed


async def _try(request: web.Request, spec: JobSpec) -> list[TriedRow]:
    """Ask the workers of *spec* once, and return what they say."""
    names = spec.on.split(",") if spec.on != "all" and ":" not in spec.on else None
    question = ProbeSpec(
        type=spec.type,
        target=spec.target,
        options=spec.options,
        expect=spec.expect,
        timeout_s=min(spec.timeout_s or 10.0, TRY_S),
        workers=names or "all",
    )
    asked = request.app[PROBES].ask(who_is(request).org, question, limited=False)
    rows: list[TriedRow] = []
    try:
        async with aclosing(asked) as lines:
            rows += [_tried(line) async for line in lines]
    except (UsageError, NotAllowed, NotFound, Conflict, TooMany) as error:
        rows.append(TriedRow("", cell_badge(None), "", safe_text(error, 300)))
    return rows


def _tried(line: ProbeLine) -> TriedRow:
    outcome = None if line.outcome == "error" else line.outcome
    vote = VoteAnswer(worker=line.worker, outcome=outcome, state="probing")
    said = safe_text(line.refused, 300) or why(line.reason, line.detail)
    name = safe_text(line.worker, 60)
    return TriedRow(name, cell_badge(vote), ms(line.duration_ms), said)


NEW_PAGES: list[Route] = [
    Route(
        method="GET",
        path="/new",
        handler=new,
        summary="The form of a new job",
        auth="admin",
        page=True,
    ),
    Route(
        method="POST",
        path="/jobs",
        handler=add_job,
        summary="Add a job from the form, or try it once",
        auth="admin",
        page=True,
    ),
]
