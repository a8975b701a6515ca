"""The pages of the workers, and what their forms send."""

from typing import Any
from urllib.parse import quote

from aiohttp import web
from multidict import MultiMapping

from pangea.core.durations import parse_duration
from pangea.core.errors import NotFound, UsageError

from .api import Paging
from .api_gaps import GAPS, GapAnswer
from .api_workers import WORKERS
from .forms import FormError
from .keys import HUB, SERVICE, who_is
from .place import Refused, Visit
from .render import render
from .route import Auth, Handler, Route
from .schema import RevokeBody
from .schema_tokens import TokenAnswer, TokenSpec
from .text import t
from .token_view import TokenForm, minted_view, token_rows
from .worker_view import MOST_GAPS, worker_view
from .workers_view import workers_view

#: How long a token lives, in seconds.
SHORTEST_S, LONGEST_S = 10.0, 86400.0
#: What a form may do to a worker.
VERBS = ("approve", "revoke", "remove", "rename", "drain")


async def workers(request: web.Request) -> web.StreamResponse:
    """GET /workers : where we look from, and how to look from one more place."""
    return await _workers(request)


async def _workers(
    request: web.Request,
    minted: TokenAnswer | None = None,
    refused: FormError | None = None,
) -> web.Response:
    who, event = who_is(request), request.app[HUB].last_id
    status = await request.app[SERVICE].status(who.org)
    service = request.app[WORKERS]
    found = await service.workers(who.org)
    # What a token opens is nothing that a viewer needs to know.
    tokens = await service.join_tokens(who.org) if who.is_admin else []
    view = workers_view(
        status,
        found,
        event,
        Refused(refused.message, refused.hint) if refused else None,
        token_rows(tokens, status.now),
        minted_view(minted, status.now) if minted else None,
        _form(refused.typed) if refused else TokenForm(),
    )
    code = 400 if refused else 200
    return render(request, "workers.html", view, status=code)


def _form(typed: Any) -> TokenForm:
    return TokenForm(
        expires=str(typed.get("expires", "")),
        site=str(typed.get("site", "")),
        approve=bool(typed.get("approve")),
    )


async def mint(request: web.Request) -> web.StreamResponse:
    """POST /worker-tokens : make a join token, and show it this once."""
    who, data = who_is(request), await request.post()
    try:
        with FormError.catching(data):
            spec = token_spec(data)
            made = await request.app[WORKERS].mint(who.org, who.name, spec)
    except FormError as error:
        return await _workers(request, refused=error)
    return await _workers(request, made)


def token_spec(data: MultiMapping[Any]) -> TokenSpec:
    """Return what the form asks for. Raises UsageError."""
    form = _form(data)
    expires_s, site = parse_duration(form.expires.strip()), form.site.strip()
    if not SHORTEST_S <= expires_s <= LONGEST_S:
        raise UsageError("a token lives from 10s to 1d", hint="such as 1h")
    if len(site) > 63:
        raise UsageError("a region has at most 63 characters")
    return TokenSpec(expires_s=expires_s, approve=form.approve, site=site)


async def withdraw(request: web.Request) -> web.StreamResponse:
    """POST /worker-tokens/{id}/withdraw : close a token before somebody uses it."""
    org, token = who_is(request).org, request.match_info["id"]
    await request.app[WORKERS].withdraw(org, token)
    raise web.HTTPSeeOther("/workers#tokens")


async def worker(request: web.Request) -> web.StreamResponse:
    """GET /workers/{name} : how one is, what it found out about itself, its jobs."""
    return await _worker(request, None)


async def _worker(request: web.Request, refused: FormError | None) -> web.Response:
    visit, name = Visit(request, refused), request.match_info["name"]
    org, service = visit.who.org, request.app[SERVICE]
    found = await request.app[WORKERS].worker(org, name)
    typed = {k: str(v) for k, v in refused.typed.items()} if refused else {}
    view = worker_view(
        found,
        await service.status(org),
        await service.jobs(org),
        await _gaps(request, org, found.id),
        typed,
    )
    return await visit.page("worker.html", view.row.name, view)


async def _gaps(request: web.Request, org: int, id_: str) -> list[GapAnswer]:
    service = request.app.get(GAPS)
    if service is None:
        return []
    found: list[GapAnswer] = (
        await service.gaps(org, id_, Paging(limit=MOST_GAPS))
    ).items
    return found


async def decide(request: web.Request) -> web.StreamResponse:
    """POST /workers/{name}/{verb} : approve, revoke, rename, drain or remove it."""
    data, verb = await request.post(), request.match_info["verb"]
    if verb not in VERBS:
        raise NotFound("nothing of that name can be done to a worker")
    try:
        with FormError.catching(data):
            href = await _do(request, verb, data)
    except FormError as error:
        return await _worker(request, error)
    raise web.HTTPSeeOther(href)


async def _do(request: web.Request, verb: str, data: MultiMapping[Any]) -> str:
    """Do what was asked for, and return where to go then."""
    who, name = who_is(request), request.match_info["name"]
    service = request.app[WORKERS]
    here = data.get("back") == "worker"
    if verb == "approve":
        await service.approve(who.org, name, who.name)
    elif verb == "revoke":
        await service.revoke(who.org, name, who.name, _revocation(data))
    elif verb == "remove":
        await service.remove(who.org, name)
        here = False
    elif verb == "rename":
        await service.rename(who.org, name, str(data.get("new", "")).strip()[:200])
    else:
        draining = data.get("draining") == "yes"
        await service.drain(who.org, name, draining=draining)
    return f"/workers/{quote(name, safe='')}" if here else "/workers"


def _revocation(data: MultiMapping[Any]) -> RevokeBody:
    """Return why. Raises UsageError if it was not meant on a worker's own page."""
    if data.get("back") == "worker" and data.get("sure") != "yes":
        raise UsageError(
            "nothing was done: a key that was revoked never comes in again",
            hint="tick the box that says so, and press the button again",
        )
    reason = str(data.get("reason", "")).strip()[:500]
    return RevokeBody(reason or t("workers.denied_here"))


def _page(method: str, path: str, handler: Handler, auth: Auth, summary: str) -> Route:
    return Route(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        auth=auth,
        page=True,
    )


WORKER_PAGES: list[Route] = [
    _page("GET", "/workers", workers, "viewer", "The workers"),
    _page("GET", "/workers/{name}", worker, "viewer", "One worker"),
    _page("POST", "/workers/{name}/{verb}", decide, "admin", "Decide about it"),
    _page("POST", "/worker-tokens", mint, "admin", "Make a join token"),
    _page(
        "POST", "/worker-tokens/{id}/withdraw", withdraw, "admin", "Withdraw a token"
    ),
]
