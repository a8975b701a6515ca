"""The pages of incidents: the list, one of them, and what their forms send."""

from aiohttp import web
from msgspec.structs import replace

from pangea.core.errors import UsageError

from .api_explain import EXPLAIN, ExplainAnswer
from .api_incidents import incidents_of
from .api_notes import check_text
from .forms import FormError
from .incident_list import incident_list
from .incident_text import markdown_of
from .incident_view import IncidentView, incident_href, incident_view
from .keys import who_is
from .place import Visit
from .route import Auth, Handler, Route
from .schema_incidents import MOST_TEXT
from .text import t


async def incidents(request: web.Request) -> web.StreamResponse:
    """GET /incidents : what is wrong, and what was."""
    visit = Visit(request)
    body = await incident_list(request, await visit.now())
    return await visit.page("incidents.html", t("incidents.title"), body)


async def incident(request: web.Request) -> web.StreamResponse:
    """GET /incidents/{id} : everything that is known of one."""
    return await _incident(request, None)


async def _incident(request: web.Request, refused: FormError | None) -> web.Response:
    visit = Visit(request, refused)
    view = await _whole(visit)
    return await visit.page("incident.html", view.title, view)


async def _whole(visit: Visit) -> IncidentView:
    request, org = visit.request, visit.who.org
    found = await incidents_of(request).incident(org, request.match_info["id"])
    decisions: list[ExplainAnswer] = []
    if EXPLAIN in request.app:
        explained = await request.app[EXPLAIN].incident(org, found.id)
        decisions = explained.decisions
    view = incident_view(
        found,
        decisions,
        await visit.now(),
        "",
        visit.typed("text"),
        may=visit.who.may("operator"),
    )
    return replace(view, markdown=markdown_of(view))


async def markdown(request: web.Request) -> web.StreamResponse:
    """GET /incidents/{id}/markdown : the same as text."""
    view = await _whole(Visit(request))
    return web.Response(
        text=view.markdown,
        content_type="text/markdown",
        charset="utf-8",
        headers={"Cache-Control": "no-store"},
    )


async def acknowledge(request: web.Request) -> web.StreamResponse:
    """POST /incidents/{id}/ack : somebody takes care of it."""
    return await _say(request, "acknowledge")


async def comment(request: web.Request) -> web.StreamResponse:
    """POST /incidents/{id}/comment : a remark for the timeline."""
    return await _say(request, "comment")


async def _say(request: web.Request, what: str) -> web.StreamResponse:
    data, id_ = await request.post(), request.match_info["id"]
    try:
        with FormError.catching(data):
            await _keep(request, what, str(data.get("text", "")).strip())
    except FormError as error:
        return await _incident(request, error)
    raise web.HTTPSeeOther(f"{incident_href(id_)}#timeline")


async def _keep(request: web.Request, what: str, text: str) -> None:
    """Put *text* on the timeline. Raises UsageError and Conflict."""
    who, id_, service = who_is(request), request.match_info["id"], incidents_of(request)
    if len(text) > MOST_TEXT:
        raise UsageError(f"the text is longer than {MOST_TEXT} characters")
    if what == "comment":
        check_text(text)
        await service.comment(who.org, id_, who.name, text)
    else:
        await service.acknowledge(who.org, id_, who.name, text)


def _page(method: str, path: str, handler: Handler, auth: Auth, summary: str) -> Route:
    return Route(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        auth=auth,
        page=True,
    )


_ONE = "/incidents/{id}"
INCIDENT_PAGES: list[Route] = [
    _page("GET", "/incidents", incidents, "viewer", "What is and was wrong"),
    _page("GET", _ONE, incident, "viewer", "One incident"),
    _page("GET", f"{_ONE}/markdown", markdown, "viewer", "The same as Markdown"),
    _page("POST", f"{_ONE}/ack", acknowledge, "operator", "Take care of it"),
    _page("POST", f"{_ONE}/comment", comment, "operator", "A remark"),
]
