"""All jobs, judged some at a time: links are heard in between."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from .board import Board
from .judging import Decided

#: So many jobs are judged in one go, within some 30 ms even if all of them change.
STEP = 500


async def walk(
    board: Board,
    judge: Callable[[Sequence[int]], Decided],
    note: Callable[[Decided], Awaitable[None]],
) -> None:
    """Let *judge* see all jobs of *board*, and *note* what it decides.

    Each step sees the board as it is then; what was decided is written in order.
    """
    jobs = list(board.states)
    for begin in range(0, len(jobs), STEP):
        decided = judge(jobs[begin : begin + STEP])
        if decided:
            await note(decided)
        if begin + STEP < len(jobs):
            await asyncio.sleep(0)
    # What waits for the disk may go with nothing.
    await note(Decided())
