"""The pages of incidents: the list, one of them, and what their forms send."""

from urllib.parse import urlencode

from aiohttp import web
from msgspec import Struct
from msgspec.structs import replace

from pangea.core.errors import NotFound, UsageError
from pangea.core.text import safe_text

from .api_explain import EXPLAIN, ExplainAnswer
from .api_incidents import INCIDENTS, IncidentService, IncidentsQuery
from .api_notes import check_text
from .asked import moment_us
from .forms import FormError
from .incident_text import markdown_of
from .incident_view import (
    Incidents,
    IncidentView,
    incident_href,
    incident_row,
    incident_view,
)
from .keys import SITE, who_is
from .place import Visit
from .route import Auth, Handler, Route
from .schema_incidents import MOST_TEXT, IncidentAnswer
from .text import t

#: Open ones on the first page, and lines of a page of those that are over.
MOST_OPEN, ON_A_PAGE = 200, 50
#: How far back the list goes, the usual one first.
SINCE = ("7d", "24h", "30d", "90d", "365d", "all")


class Filter(Struct, frozen=True):
    """What of the incidents is asked for."""

    job: str
    since: str
    only_open: bool
    cursor: str

    @property
    def query(self) -> dict[str, str]:
        """Return it as it stands in an address."""
        said = {"job": self.job, "since": self.since}
        said["state"] = "open" if self.only_open else ""
        return {name: text for name, text in said.items() if text}


async def incidents(request: web.Request) -> web.StreamResponse:
    """GET /incidents : what is wrong, and what was."""
    visit, asked = Visit(request), _filter(request)
    now = await visit.now()
    try:
        body = await _list(request, asked, now)
    except (NotFound, UsageError) as error:
        body = _rows([], [], asked, now, "", safe_text(str(error), 300))
    return await visit.page("incidents.html", t("incidents.title"), body)


def _filter(request: web.Request) -> Filter:
    query = request.query
    since = query.get("since", SINCE[0])
    return Filter(
        job=safe_text(query.get("job", "").strip(), 63),
        since=since if since in SINCE else SINCE[0],
        only_open=query.get("state") == "open",
        cursor=query.get("cursor", "")[:100],
    )


async def _list(request: web.Request, asked: Filter, now: str) -> Incidents:
    service, org = _service(request), who_is(request).org
    job, more = asked.job or None, None
    open_: list[IncidentAnswer] = []
    over: list[IncidentAnswer] = []
    if not asked.cursor:
        query = IncidentsQuery(open=True, job=job, limit=MOST_OPEN)
        open_ = (await service.incidents(org, query, None)).items
    if not asked.only_open:
        said = None if asked.since == "all" else asked.since
        since = moment_us(said, request.app[SITE].wall(), "since")
        query = IncidentsQuery(job=job, limit=ON_A_PAGE, cursor=asked.cursor or None)
        page = await service.incidents(org, query, since)
        over, more = [i for i in page.items if i.closed_at is not None], page.next
    return _rows(open_, over, asked, now, more or "", "")


def _rows(
    open_: list[IncidentAnswer],
    over: list[IncidentAnswer],
    asked: Filter,
    now: str,
    cursor: str,
    wrong: str,
) -> Incidents:
    more = urlencode({**asked.query, "cursor": cursor}) if cursor else ""
    return Incidents(
        open=[incident_row(one, now) for one in open_],
        over=[incident_row(one, now) for one in over],
        first=not asked.cursor,
        job=asked.job,
        since=asked.since,
        only_open=asked.only_open,
        ranges=[(s, t(f"incidents.since_{s}"), s == asked.since) for s in SINCE],
        more=f"/incidents?{more}" if more else "",
        wrong=wrong,
    )


async def incident(request: web.Request) -> web.StreamResponse:
    """GET /incidents/{id} : everything that is known of one."""
    return await _incident(request, None)


async def _incident(request: web.Request, refused: FormError | None) -> web.Response:
    visit = Visit(request, refused)
    view = await _whole(visit)
    return await visit.page("incident.html", view.title, view)


async def _whole(visit: Visit) -> IncidentView:
    request, org = visit.request, visit.who.org
    found = await _service(request).incident(org, request.match_info["id"])
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
    who, id_, service = who_is(request), request.match_info["id"], _service(request)
    if len(text) > MOST_TEXT:
        raise UsageError(f"the text is longer than {MOST_TEXT} characters")
    if what == "comment":
        check_text(text)
        await service.comment(who.org, id_, who.name, text)
    else:
        await service.acknowledge(who.org, id_, who.name, text)


def _service(request: web.Request) -> IncidentService:
    service = request.app.get(INCIDENTS)
    if service is None:
        raise NotFound("this coordinator keeps no incidents")
    return service


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
