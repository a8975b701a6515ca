"""When what is wrong was first seen, also of jobs that are but degraded."""

from pangea.core.incident import BAD
from pangea.core.model import VoteValue
from pangea.core.outage import Outage
from pangea.core.verdict import Judgement

from .board import Board


class Times:
    """Remembers the first votes of each trouble; of what is down the board knows."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._first: dict[int, int] = {}

    def of(self, job: int) -> tuple[int, int]:
        """Return when what *job* has was first seen, and when it was down (UTC µs)."""
        outage = self._board.outages.get(job, Outage())
        first_us = round(outage.first_fail * 1e6) or self._first.get(job, 0)
        return first_us, round(outage.confirmed * 1e6)

    def note(self, judged: Judgement) -> None:
        """Remember when the first vote of this trouble was cast."""
        state = judged.state
        for change in judged.changes:
            if change.after in (VoteValue.FAILED, VoteValue.WARN):
                first = self._first.get(state.job, change.at_us)
                self._first[state.job] = min(first, change.at_us)
        good = all(v.value is VoteValue.OK for v in state.votes.values())
        if good and state.verdict not in BAD:
            self._first.pop(state.job, None)
