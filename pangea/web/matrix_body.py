"""GET /dash/jobs: made once for all pages of an organisation that ask together.

A thousand pages ask at once when something changes that no frame tells, or when the
coordinator is back.
"""

import asyncio
import zlib
from collections import defaultdict
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web
from msgspec import Struct

from .api_workers import WORKERS
from .dash_view import BEATS
from .keys import HUB, SERVICE, who_is
from .live import FEEDS, takes_gzip
from .matrix_data import MatrixData, matrix_data
from .schema import WorkerAnswer

#: So long what was made is good for others, as long as no frame has told more.
FRESH_S = 1.0
LEVEL = 6


class Body(Struct, frozen=True):
    """What was made: the last event that it knows of, when, and as it is sent."""

    event: int
    made: float
    plain: bytes
    packed: bytes


class Bodies:
    """What was made last for each organisation."""

    def __init__(self) -> None:
        self._last: dict[int, Body] = {}
        self._turn: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(
        self, org: int, least: int, make: Callable[[], Awaitable[MatrixData]]
    ) -> Body:
        """Return what knows of the event *least*, made now or a moment ago."""
        async with self._turn[org]:
            last, now = self._last.get(org), asyncio.get_running_loop().time()
            if last and last.event >= least and now - last.made < FRESH_S:
                return last
            data = await make()
            plain = msgspec.json.encode(data)
            packed = await asyncio.to_thread(zlib.compress, plain, LEVEL, 31)
            made = asyncio.get_running_loop().time()
            body = self._last[org] = Body(data.event, made, plain, packed)
            return body


BODIES: web.AppKey[Bodies] = web.AppKey("bodies", Bodies)


async def dash_jobs(request: web.Request) -> web.StreamResponse:
    """GET /dash/jobs : all jobs for the scripts of the page.

    It knows of all that pages were told, and of the event ``after``, the last one of
    which the page that asks knew when it was drawn: so of what a person just did.
    """
    org, after = who_is(request).org, request.query.get("after", "")
    seen = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0
    # What was never told nobody knows: a page may be from before the last start.
    seen = min(seen, request.app[HUB].last_id)
    least = max(request.app[FEEDS].of(org).told, seen)
    body = await request.app[BODIES].get(org, least, lambda: _make(request))
    response = web.Response(content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Accept-Encoding"
    if takes_gzip(request):
        response.headers["Content-Encoding"] = "gzip"
        response.body = body.packed
    else:
        response.body = body.plain
    return response


async def _make(request: web.Request) -> MatrixData:
    org, service = who_is(request).org, request.app[SERVICE]
    # What happens while it is read is told once more.
    event = request.app[HUB].last_id
    status, jobs = await service.status(org), await service.jobs(org)
    beats = {j.id: service.beats(org, j.id, BEATS) for j in jobs}
    return matrix_data(status, jobs, await approved(request), beats, event)


async def approved(request: web.Request) -> list[WorkerAnswer]:
    """Return the workers that were let in."""
    found = await request.app[WORKERS].workers(who_is(request).org)
    return [worker for worker in found if worker.state == "approved"]
