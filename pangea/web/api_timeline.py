"""The API of a job's past as one row: what it was, stretch after stretch."""

from typing import Protocol

from aiohttp import web
from msgspec import Struct, field

from pangea.core.durations import Seconds
from pangea.core.errors import NotFound
from pangea.core.uptime import Span

from .api import reply
from .asked import query_of
from .keys import SITE, who_is
from .ranges import a_day, span_of
from .route import Route

#: The stretches that are told at most; shorter ones are joined to their neighbours.
MOST_PIECES = 500


class PieceAnswer(Struct, frozen=True, kw_only=True):
    """A stretch that was one ``kind``.

    One of ``up degraded down unknown maintenance drill paused no_data``.
    """

    kind: str
    since: str
    until: str


class TimelineAnswer(Struct, frozen=True, kw_only=True):
    """What the range consists of, oldest first; the pieces touch each other.

    It begins when the job was ``added_at``, if that is within the range. ``coarse``:
    there were more than 500 pieces, and the shortest were joined to others.
    """

    since: str
    until: str
    pieces: list[PieceAnswer]
    coarse: bool = False
    added_at: str | None = None


class TimelineQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """``range`` back from now (a day), or ``since`` and ``until`` as for results."""

    range: Seconds = field(default_factory=a_day)
    since: str | None = None
    until: str | None = None


class TimelineService(Protocol):
    """Any stretch of the past; NotFound for a job or a worker that is none."""

    async def timeline(self, org: int, name: str, whole: Span) -> TimelineAnswer:
        """Return what a job was within *whole*, piece by piece."""
        ...


TIMELINES: web.AppKey[TimelineService] = web.AppKey("timelines", TimelineService)


def timelines_of(request: web.Request) -> TimelineService:
    """Return what knows any stretch of the past; NotFound where nothing does."""
    service = request.app.get(TIMELINES)
    if service is None:
        raise NotFound("this coordinator keeps no past")
    return service


async def timeline(request: web.Request) -> web.Response:
    """GET /api/v1/jobs/{name}/timeline"""
    org, name = who_is(request).org, request.match_info["name"]
    whole = span_of(query_of(request, TimelineQuery), request.app[SITE].wall())
    return reply(await timelines_of(request).timeline(org, name, whole))


TIMELINE_ROUTES: list[Route] = [
    Route(
        method="GET",
        path="/api/v1/jobs/{name}/timeline",
        handler=timeline,
        summary="What a job was over a stretch of time, piece by piece",
        query=TimelineQuery,
        answer=TimelineAnswer,
    ),
]
