"""GET /metrics: everything in numbers, as Prometheus reads it."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Protocol

from aiohttp import web

from pangea.core.errors import NotFound
from pangea.core.exposition import CONTENT_TYPE

from .keys import who_is
from .route import Route

#: After so long others have their turn.
SLICE_S = 0.005
#: Who takes nothing for so long, in seconds, is let go.
STALL_S = 10.0


class MetricsService(Protocol):
    """Who knows the numbers."""

    def scrape(self, org: int) -> Iterable[str]:
        """Return what *org* may see, in small pieces of text."""
        ...


METRICS: web.AppKey[MetricsService] = web.AppKey("metrics", MetricsService)


async def metrics(request: web.Request) -> web.StreamResponse:
    """GET /metrics"""
    service = request.app.get(METRICS)
    if service is None:
        raise NotFound("this coordinator counts nothing")
    response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE})
    await response.prepare(request)
    with suppress(ConnectionError, TimeoutError):
        for part in in_slices(service.scrape(who_is(request).org)):
            async with asyncio.timeout(STALL_S):
                await response.write(part.encode())
            await asyncio.sleep(0)
    return response


def in_slices(pieces: Iterable[str]) -> Iterator[str]:
    """Yield *pieces* joined, whenever it took SLICE_S to make them."""
    begun, made = time.monotonic(), list[str]()
    for piece in pieces:
        made.append(piece)
        if time.monotonic() - begun > SLICE_S:
            yield "".join(made)
            begun, made = time.monotonic(), []
    yield "".join(made)


METRICS_ROUTE = Route(
    method="GET",
    path="/metrics",
    handler=metrics,
    summary="Its own health and the last results, for Prometheus",
    media="text/plain",
    streams=True,
)
