"""Pouring rows into an answer that has no end in sight: bounded in memory and time.

Who reads too slowly is let go. What goes wrong after the first page cannot be told any
more, so the connection is cut: an answer in chunks without its end is no whole answer.
"""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec
from aiohttp import web
from msgspec import Struct

from pangea.core.csv_line import csv_line
from pangea.core.errors import PangeaError

from .api_probes import LINES, STALL_S
from .refusals import TooMany

log = logging.getLogger(__name__)

#: Exports at a time; each holds a page of rows, and reads the database.
AT_ONCE = 4
RETRY_S = 10.0
MEDIA = {"jsonl": LINES, "csv": "text/csv; charset=utf-8"}
POURING: web.AppKey["Pouring"] = web.AppKey("pouring")

Pages = AsyncGenerator[Sequence[Struct], None]


class Pouring:
    """How many exports go on."""

    def __init__(self) -> None:
        self.count = 0


async def pour(
    request: web.Request, pages: Pages, shape: type[Struct], form: str, name: str
) -> web.StreamResponse:
    """Answer the rows of *pages* as lines of *form*; a browser saves them as *name*.

    Raises what the first page raises, and TooMany.
    """
    pouring = request.app[POURING]
    if pouring.count >= AT_ONCE:
        raise TooMany(
            f"{AT_ONCE} exports go on already", retry_s=RETRY_S, hint="wait for one"
        )
    pouring.count += 1
    try:
        async with aclosing(pages):
            first = await anext(pages, ())
            response = web.StreamResponse(headers=_headers(form, name))
            await response.prepare(request)
            await _pour(request, response, first, pages, shape, form)
        return response
    finally:
        pouring.count -= 1


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
        await _write(response, head + _lines(first, form, columns))
        async for page in pages:
            await _write(response, _lines(page, form, columns))
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
