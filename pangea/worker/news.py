"""Which results the coordinator waits for, and how long the others may wait."""

import asyncio

from pangea.core.model import Flag, Result, VoteValue

#: Results wait this long for company before they are written. Each group costs
#: both ends several wake-ups and a commit, at few results a second most of all.
ROUTINE_S = 0.5
#: So long when one of them is news: a storm is one group too.
NEWS_S = 0.02
#: As a plain number: a flag's own operators cost a microsecond a result.
_TOLD_AT_ONCE = int(Flag.REPEAT | Flag.CHANGED)


class News:
    """What a verdict may turn on.

    That is a vote which is not the job's last one, a repeat that was asked for,
    and a change.
    """

    def __init__(self) -> None:
        self._unwell: dict[int, VoteValue | None] = {}
        self._there = asyncio.Event()

    def look_at(self, result: Result) -> None:
        """Take note of *result*."""
        vote, job = result.vote, result.job
        before = self._unwell.get(job, VoteValue.OK)
        if vote is not VoteValue.OK:
            self._unwell[job] = vote
        elif before is not VoteValue.OK:
            del self._unwell[job]
        if vote is not before or result.flags & _TOLD_AT_ONCE:
            self._there.set()

    async def company(self) -> None:
        """Wait until a group is worth writing: for news, or for a while."""
        try:
            async with asyncio.timeout(ROUTINE_S - NEWS_S):
                await self._there.wait()
        except TimeoutError:
            pass  # no news is good news
        await asyncio.sleep(NEWS_S)
        self._there.clear()
