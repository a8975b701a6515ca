"""Lets open incidents say how many fail while that grows; nobody is told of it."""

from pangea.core.clock import Clock
from pangea.core.verdict import JobState, Judgement
from pangea.core.worsening import worsen

from .board import Board
from .decided import Decided
from .incidents import Incidents


class Worsening:
    """Follows judging, after the incidents: what changes with no verdict."""

    def __init__(self, board: Board, incidents: Incidents, clock: Clock) -> None:
        self._board, self._incidents, self._clock = board, incidents, clock

    def follow(self, before: JobState, judged: Judgement, decided: Decided) -> None:
        """Take the reason of a job into its incident, if more fail than that says."""
        state = judged.state
        if judged.transition or state.reason == before.reason:
            return
        found = self._incidents.open_of(state.job)
        if found is not None and not self._board.blamed.get(state.job):
            at_us = round(self._clock.wall() * 1e6)
            step = worsen(found, state.job, state.reason, at_us)
            self._incidents.put(step, decided)
