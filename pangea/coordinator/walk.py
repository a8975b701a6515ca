"""All jobs, judged some at a time: links are heard in between."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

from .board import Board
from .decided import Decided

#: So many jobs are judged between two looks at the clock, for so many seconds; then
#: it is the turn of others, of whom several may have as much to do.
STEP, SPELL_S = 25, 0.01

T = TypeVar("T")


class Spell:
    """How long the loop has been held."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    @property
    def is_over(self) -> bool:
        """Whether it is the turn of others."""
        return time.perf_counter() - self._began >= SPELL_S

    async def rest(self) -> None:
        """Let others have their turn if this was long enough."""
        if self.is_over:
            await asyncio.sleep(0)
            self._began = time.perf_counter()


async def in_steps(them: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """Yield *them*, so many at a time; the loop goes on now and then."""
    spell = Spell()
    for begin in range(0, len(them), STEP):
        yield them[begin : begin + STEP]
        await spell.rest()


async def walk(
    board: Board,
    judge: Callable[[Sequence[int]], Decided],
    note: Callable[[Decided], Awaitable[None]],
) -> None:
    """Let *judge* see all jobs of *board*, and *note* what it decides.

    Each step sees the board as it is then; what was decided is written in order.
    """
    await walk_over(list(board.states), judge, note)
    # What waits for the disk may go with nothing.
    await note(Decided())


async def walk_over(
    jobs: Sequence[int],
    judge: Callable[[Sequence[int]], Decided],
    note: Callable[[Decided], Awaitable[None]],
) -> None:
    """Do the same with some *jobs*, and write nothing if nothing was decided."""
    at = 0
    while at < len(jobs):
        spell, decided = Spell(), Decided()
        while at < len(jobs):
            decided.add(judge(jobs[at : at + STEP]))
            at += STEP
            if spell.is_over:
                break
        if decided:
            await note(decided)
        await asyncio.sleep(0)
