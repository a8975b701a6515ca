"""The API of maintenance: what is planned not to be watched over."""

from typing import Annotated, Protocol

from aiohttp import web
from msgspec import Meta, Struct, field

from pangea.core.errors import NotFound, UsageError
from pangea.core.maintenance import LONGEST_S

from .api import Paging, reply
from .asked import body_of, query_of
from .keys import who_is
from .schema import Page

Name = Annotated[str, Meta(max_length=200)]
Label = Annotated[str, Meta(min_length=1, max_length=63)]
#: Names in one maintenance at most; labels say more with less.
Names = Annotated[list[Name], Meta(max_length=1000)]


class MaintenanceSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of what (``jobs``, all of ``labels``, ``workers``), and when.

    One of: ``until``, from ``from`` or now on (RFC 3339, ``22:00``, ``in 2h``);
    ``duration_s``, likewise;
    ``weekly`` such as ``mon,tue@22:00-23:30``; ``cron`` with ``duration_s``. The
    last two go by the clocks of ``zone``.
    """

    jobs: Names = []
    labels: Annotated[dict[Label, Name], Meta(max_length=32)] = {}
    workers: Names = []
    start: Name | None = field(name="from", default=None)
    until: Name | None = None
    duration_s: Annotated[float, Meta(gt=0, le=LONGEST_S)] | None = None
    weekly: Name | None = None
    cron: Name | None = None
    zone: Name = "UTC"
    reason: Annotated[str, Meta(max_length=500)] = ""


class MaintenanceAnswer(Struct, frozen=True, kw_only=True):
    """A maintenance: of what, and when (``schedule``; ``once``, or as it was given).

    ``from`` and ``until`` are those of the window that goes on, else of the next
    one, else of the last. It is ``active``, ``planned`` or ``over``. ``covers`` is how
    many jobs it is about now, also by their workers.
    """

    id: int
    state: str
    jobs: list[str]
    labels: dict[str, str]
    workers: list[str]
    covers: int
    schedule: str
    zone: str
    start: str | None = field(name="from")
    until: str | None
    reason: str
    by: str
    created_at: str
    ended_at: str | None = None


class MaintenanceService(Protocol):
    """Maintenance as the web sees it; raises the errors of ``pangea.core.errors``."""

    async def plans(
        self, org: int, limit: int = 100, before: int | None = None
    ) -> Page:
        """Return so many of what was planned, the newest first."""
        ...

    async def add(self, org: int, by: str, spec: MaintenanceSpec) -> MaintenanceAnswer:
        """Plan a maintenance, which may begin at once."""
        ...

    async def end(self, org: int, number: int) -> MaintenanceAnswer:
        """End one now, and for good."""
        ...

    async def remove(self, org: int, number: int) -> None:
        """End one, and forget it."""
        ...


MAINTENANCE: web.AppKey[MaintenanceService] = web.AppKey(
    "maintenance", MaintenanceService
)


async def maintenances(request: web.Request) -> web.Response:
    """GET /api/v1/maintenance"""
    asked = query_of(request, Paging)
    before = None if asked.cursor is None else _number(asked.cursor)
    org = who_is(request).org
    return reply(await _service(request).plans(org, asked.limit, before))


async def add_maintenance(request: web.Request) -> web.Response:
    """POST /api/v1/maintenance"""
    who, spec = who_is(request), body_of(request, MaintenanceSpec)
    return reply(await _service(request).add(who.org, who.name, spec), 201)


async def end_maintenance(request: web.Request) -> web.Response:
    """POST /api/v1/maintenance/{id}/end"""
    org, number = who_is(request).org, _number(request.match_info["id"])
    return reply(await _service(request).end(org, number))


async def remove_maintenance(request: web.Request) -> web.Response:
    """DELETE /api/v1/maintenance/{id}"""
    org, number = who_is(request).org, _number(request.match_info["id"])
    await _service(request).remove(org, number)
    return web.Response(status=204)


def _service(request: web.Request) -> MaintenanceService:
    service = request.app.get(MAINTENANCE)
    if service is None:
        raise NotFound("this coordinator plans no maintenance")
    return service


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise UsageError(
            f"{text[:40]!r} is no maintenance", hint="it is a number, see the list"
        )
    return int(text)
