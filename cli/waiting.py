"""Shows on a terminal that something is still going on."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from pangea.core.durations import format_duration

CLEAR = "\r\x1b[K"


@asynccontextmanager
async def seconds_shown(most_s: float) -> AsyncIterator[None]:
    """Count the seconds of the block on stderr, if that is a terminal.

    *most_s* is how long it may take. What was written is gone at the end.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield
        return
    counting = asyncio.create_task(_count(most_s))
    try:
        yield
    finally:
        counting.cancel()
        with suppress(asyncio.CancelledError):
            await counting


async def _count(most_s: float) -> None:
    seconds = 0
    try:
        while True:
            await asyncio.sleep(1)
            seconds += 1
            told = f"{seconds} s, at most {format_duration(most_s)}"
            print(f"{CLEAR}{told}", end="", file=sys.stderr, flush=True)
    finally:
        if seconds:
            print(CLEAR, end="", file=sys.stderr, flush=True)
