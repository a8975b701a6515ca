"""Pouring rows into an answer that has no end in sight: bounded in memory and time.

Who reads too slowly is let go, and so is who has not got all of it in an hour. What
goes wrong after the first page cannot be told any more, so the connection is cut: an
answer in chunks without its end is no whole answer.
"""

import asyncio
import logging
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager

import msgspec
from aiohttp import web
from msgspec import Struct

from pangea.core.csv_line import csv_line
from pangea.core.errors import PangeaError

from .api_probes import LINES, STALL_S
from .keys import Who, who_is
from .refusals import TooMany

log = logging.getLogger(__name__)

#: Exports at a time, of all and of one account; each holds a page of rows, and reads
#: the database. Who reads slowly must not keep all others from theirs.
AT_ONCE, EACH = 4, 2
RETRY_S = 10.0
#: Who reads just fast enough not to stall has so long for all of it.
LONGEST_S = 3600.0
MEDIA = {"jsonl": LINES, "csv": "text/csv; charset=utf-8"}
POURING: web.AppKey["Pouring"] = web.AppKey("pouring")

Pages = AsyncGenerator[Sequence[Struct], None]


class Pouring:
    """How many exports go on."""

    def __init__(self) -> None:
        self.count = 0
        self._by_account: Counter[int] = Counter()

    @contextmanager
    def place(self, who: Who) -> Iterator[None]:
        """Take a place for an export of *who*. Raises TooMany."""
        mine = self._by_account[who.account]
        if self.count >= AT_ONCE or mine >= EACH:
            many = f"{mine} exports of {who.name}" if mine >= EACH else "enough exports"
            raise TooMany(f"{many} go on already", retry_s=RETRY_S, hint="wait for one")
        self.count += 1
        self._by_account[who.account] += 1
        try:
            yield
        finally:
            self.count -= 1
            self._by_account[who.account] -= 1


async def pour(
    request: web.Request, pages: Pages, shape: type[Struct], form: str, name: str
) -> web.StreamResponse:
    """Answer the rows of *pages* as lines of *form*; a browser saves them as *name*.

    Raises what the first page raises, and TooMany.
    """
    with request.app[POURING].place(who_is(request)):
        async with aclosing(pages):
            first = await anext(pages, ())
            response = web.StreamResponse(headers=_headers(form, name))
            await response.prepare(request)
            await _pour(request, response, first, pages, shape, form)
        return response


async def _pour(
    request: web.Request,
    response: web.StreamResponse,
    first: Sequence[Struct],
    pages: Pages,
    shape: type[Struct],
    form: str,
) -> None:
    whole, columns = False, columns_of(shape)
    try:
        head = csv_line(columns).encode() if form == "csv" else b""
        async with asyncio.timeout(LONGEST_S):
            await _write(response, head + _lines(first, form, columns))
            async for page in pages:
                await _write(response, _lines(page, form, columns))
            async with asyncio.timeout(STALL_S):
                await response.write_eof()
        whole = True
    except (PangeaError, ConnectionError, TimeoutError) as error:
        log.info("an export was cut short: %s", error or type(error).__name__)
    finally:
        if not whole and request.transport is not None:
            request.transport.abort()


async def _write(response: web.StreamResponse, data: bytes) -> None:
    if data:
        async with asyncio.timeout(STALL_S):
            await response.write(data)


def columns_of(shape: type[Struct]) -> list[str]:
    """Return the names of the columns of *shape*, those that it wants first first."""
    first: tuple[str, ...] = getattr(shape, "first", ())
    return list(dict.fromkeys((*first, *shape.__struct_fields__)))


def _lines(page: Sequence[Struct], form: str, columns: Sequence[str]) -> bytes:
    if form == "csv":
        rows = (csv_line(getattr(row, name) for name in columns) for row in page)
        return "".join(rows).encode()
    return b"".join(msgspec.json.encode(row) + b"\n" for row in page)


def _headers(form: str, name: str) -> dict[str, str]:
    kept = re.sub(r"[^a-z0-9._-]", "-", name.lower())[:100]
    return {
        "Content-Type": MEDIA[form],
        "Content-Disposition": f'attachment; filename="{kept}.{form}"',
    }
