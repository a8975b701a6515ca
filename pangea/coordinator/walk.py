"""All jobs, judged some at a time: links are heard in between."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

from .board import Board
from .judging import Decided

#: So many jobs are judged in one go, within some 30 ms even if all of them change.
STEP = 500

T = TypeVar("T")


async def in_steps(them: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """Yield *them*, so many at a time; the loop goes on in between."""
    for begin in range(0, len(them), STEP):
        if begin:
            await asyncio.sleep(0)
        yield them[begin : begin + STEP]


async def walk(
    board: Board,
    judge: Callable[[Sequence[int]], Decided],
    note: Callable[[Decided], Awaitable[None]],
) -> None:
    """Let *judge* see all jobs of *board*, and *note* what it decides.

    Each step sees the board as it is then; what was decided is written in order.
    """
    async for jobs in in_steps(list(board.states)):
        decided = judge(jobs)
        if decided:
            await note(decided)
    # What waits for the disk may go with nothing.
    await note(Decided())
