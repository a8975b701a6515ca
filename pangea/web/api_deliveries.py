"""The API of deliveries: what people were told, and what did not arrive."""

from typing import Annotated, Literal, Protocol, TypeVar

from aiohttp import web
from msgspec import Meta, Struct
from msgspec.structs import replace

from pangea.core.errors import NotFound

from .api import Limit, reply
from .asked import query_of
from .keys import Who, who_is
from .schema import Page
from .schema_alerts import AttemptAnswer, DeliveryAnswer, DeliveryDetail

Told = TypeVar("Told", DeliveryAnswer, DeliveryDetail, AttemptAnswer)

Name = Annotated[str, Meta(max_length=63)]
State = Literal["waiting", "sending", "sent", "dead", "dropped"]


class DeliveriesQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which deliveries: of a ``state``, to a ``channel``, of an ``incident``."""

    state: State | None = None
    channel: Name | None = None
    incident: Name | None = None
    limit: Limit = 100
    cursor: str | None = None


class DeliveryService(Protocol):
    """Deliveries as the web sees them; raises the errors of ``core.errors``."""

    async def deliveries(self, org: int, asked: DeliveriesQuery) -> Page:
        """Return a page of DeliveryAnswer, newest first."""
        ...

    async def delivery(self, org: int, id_: str) -> DeliveryDetail:
        """Return one with each attempt."""
        ...

    async def retry(self, org: int, id_: str) -> DeliveryAnswer:
        """Try again at once; Conflict if it was sent."""
        ...


DELIVERIES: web.AppKey[DeliveryService] = web.AppKey("deliveries", DeliveryService)


async def deliveries(request: web.Request) -> web.Response:
    """GET /api/v1/deliveries"""
    who, asked = who_is(request), query_of(request, DeliveriesQuery)
    page = await _service(request).deliveries(who.org, asked)
    return reply(replace(page, items=[_seen_by(who, one) for one in page.items]))


async def delivery(request: web.Request) -> web.Response:
    """GET /api/v1/deliveries/{id}"""
    who, id_ = who_is(request), request.match_info["id"]
    found = _seen_by(who, await _service(request).delivery(who.org, id_))
    attempts = [_seen_by(who, one) for one in found.attempts]
    return reply(replace(found, attempts=attempts))


async def retry_delivery(request: web.Request) -> web.Response:
    """POST /api/v1/deliveries/{id}/retry"""
    org, id_ = who_is(request).org, request.match_info["id"]
    return reply(await _service(request).retry(org, id_))


def _seen_by(who: Who, told: Told) -> Told:
    """Return what *who* may see: what a server answered is for who may send there."""
    return told if who.may("operator") else replace(told, answer="")


def _service(request: web.Request) -> DeliveryService:
    service = request.app.get(DELIVERIES)
    if service is None:
        raise NotFound("this coordinator delivers nothing")
    return service
