"""The API of deliveries: what people were told, and what did not arrive."""

from typing import Annotated, Literal, Protocol

from aiohttp import web
from msgspec import Meta, Struct

from pangea.core.errors import NotFound

from .api import Limit, reply
from .asked import query_of
from .keys import who_is
from .schema import Page
from .schema_alerts import DeliveryAnswer, DeliveryDetail

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
    org, asked = who_is(request).org, query_of(request, DeliveriesQuery)
    return reply(await _service(request).deliveries(org, asked))


async def delivery(request: web.Request) -> web.Response:
    """GET /api/v1/deliveries/{id}"""
    org, id_ = who_is(request).org, request.match_info["id"]
    return reply(await _service(request).delivery(org, id_))


async def retry_delivery(request: web.Request) -> web.Response:
    """POST /api/v1/deliveries/{id}/retry"""
    org, id_ = who_is(request).org, request.match_info["id"]
    return reply(await _service(request).retry(org, id_))


def _service(request: web.Request) -> DeliveryService:
    service = request.app.get(DELIVERIES)
    if service is None:
        raise NotFound("this coordinator delivers nothing")
    return service
