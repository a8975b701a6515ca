"""Ways to a coordinator race each other, and the better one wins."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any, TypeVar

from pangea.core.errors import PangeaError
from pangea.mesh.dial import Address
from pangea.mesh.link import Link

from .calls import Call, Calls

#: Dials at once; forged adverts shall not make a worker a flood.
AT_ONCE = 2

_T = TypeVar("_T")

Connect = Callable[[Address], Awaitable[Link]]
Failed = Callable[[Address, Exception], None]
Won = tuple[Address, Link]


async def first_link(
    addresses: AsyncIterator[Address], connect: Connect, failed: Failed
) -> Won | None:
    """Return the first link that one of *addresses* gives, None if none does.

    They are taken as they come. *failed* hears of each that gave none; what it
    raises ends the race. All other tries are given up when there is a link.
    """
    waiting: asyncio.Queue[Address | None] = asyncio.Queue()
    feeder = asyncio.create_task(_feed(addresses, waiting), name="candidates")
    runners = [
        asyncio.create_task(_run(waiting, connect, failed), name="try a candidate")
        for _ in range(AT_ONCE)
    ]
    try:
        return await _first(runners)
    finally:
        for task in (feeder, *runners):
            task.cancel()
        await asyncio.wait([feeder, *runners])


async def either(
    one: Coroutine[Any, Any, Won | None], other: Coroutine[Any, Any, Won | None]
) -> Won | None:
    """Return the first link that one of two searches has, None after both."""
    runners = [asyncio.create_task(way, name="search") for way in (one, other)]
    try:
        return await _first(runners)
    finally:
        for task in runners:
            task.cancel()
        await asyncio.wait(runners)


async def _feed(
    addresses: AsyncIterator[Address], waiting: asyncio.Queue[Address | None]
) -> None:
    try:
        async for address in addresses:
            waiting.put_nowait(address)
    finally:
        for _ in range(AT_ONCE):
            waiting.put_nowait(None)


async def _run(
    waiting: asyncio.Queue[Address | None], connect: Connect, failed: Failed
) -> Won | None:
    while (address := await waiting.get()) is not None:
        try:
            return address, await connect(address)
        except (PangeaError, TimeoutError) as error:
            failed(address, error)
    return None


async def _first(runners: list[asyncio.Task[Won | None]]) -> Won | None:
    """Return what the first successful runner has; close what came second."""
    open_ = set(runners)
    while open_:
        done, open_ = await asyncio.wait(open_, return_when=asyncio.FIRST_COMPLETED)
        links = [won for task in done if (won := task.result()) is not None]
        for _, late in links[1:]:
            with suppress(PangeaError):
                await late.close()
        if links:
            return links[0]
    return None


async def each(addresses: Iterable[Address]) -> AsyncIterator[Address]:
    """Yield *addresses*, for who takes them as they come."""
    for address in addresses:
        yield address


async def unless_called(
    work: Coroutine[Any, Any, None], calls: Calls | None
) -> Call | None:
    """Do *work* to its end and return None, or give it up for a call."""
    if calls is None:
        await work
        return None
    return await until_better(work, calls.next())


async def until_better(
    work: Coroutine[Any, Any, None], better: Coroutine[Any, Any, _T]
) -> _T | None:
    """Do *work* until it ends, or there is something *better*; return that."""
    working = asyncio.create_task(work, name="with a coordinator")
    waiting = asyncio.create_task(better, name="wait for better")
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (working, waiting):
            task.cancel()
        await asyncio.wait({working, waiting})
    if not working.cancelled():
        working.result()
    return None if waiting.cancelled() else waiting.result()
