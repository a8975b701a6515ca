"""Asks the hops of a path, several ahead of the answers, at a steady pace."""

import asyncio
from collections.abc import Awaitable, Callable

from .traceroute_path import Path, Reply

#: between one packet and the next
GAP_S = 0.02
#: hops that are asked before those in front have answered or been given up
AHEAD = 6

#: sends a packet of so many hops and returns what came back, None if nothing did
Ask = Callable[[int], Awaitable[Reply | None]]


async def walk(ask: Ask, path: Path, queries: int) -> None:
    """Ask hop after hop, *queries* times each, until *path* ends.

    Raises what *ask* raises; what was noted in *path* until then stays.
    """
    asked: list[list[asyncio.Task[None]]] = []

    async def one(ttl: int) -> None:
        path.note(ttl, await ask(ttl))

    try:
        ttl = 0
        while ttl < path.end:
            ttl += 1
            if ttl > AHEAD:
                await _settled(asked[ttl - AHEAD - 1])
            if ttl > path.end:
                break
            asked.append([])
            for _ in range(queries):
                asked[-1].append(asyncio.create_task(one(ttl)))
                await asyncio.sleep(GAP_S)
        for number, tasks in enumerate(asked, 1):
            # One refusal is enough: routers send few of them a second.
            if number <= path.end and not (path.refusal and number == path.end):
                await _settled(tasks)
    finally:
        rest = [task for tasks in asked for task in tasks]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


def longest_s(hops: int, queries: int, wait_s: float) -> float:
    """Return how long a walk takes at most, in seconds: nobody answers."""
    return hops * queries * GAP_S + (hops // AHEAD + 1) * wait_s


async def _settled(tasks: list[asyncio.Task[None]]) -> None:
    """Wait for *tasks*; the first failure is raised."""
    await asyncio.wait(tasks)
    for task in tasks:
        task.result()
