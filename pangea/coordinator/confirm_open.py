"""A confirmation that is not over yet: who is asked, and what each said before."""

from collections.abc import Iterable, Set

from msgspec import Struct, field

from pangea.core.confirm import (
    MOST_ROUNDS,
    Goal,
    has_answered,
    wants_round,
    was_under_way,
)
from pangea.core.verdict import JobState


class Open(Struct):
    """The one confirmation of a job that is not over yet.

    ``waiting`` are the workers whose turn is still to come and ``asked`` those that
    were asked, each with the time of the vote that it had then. ``since`` is when
    the result began that it is about, ``told`` when somebody was last asked (UTC),
    ``ends`` (monotonic) when it is given up. Those that were asked to probe after a
    while answer at ``answers`` (monotonic), or else ``seen`` is not the state any more.
    """

    goal: Goal
    waiting: dict[int, float]
    asked: dict[int, float] = field(default_factory=dict)
    since: float = 0.0
    told: float = 0.0
    ends: float = float("-inf")
    rounds: int = 0
    again: bool = False
    answers: float = float("-inf")
    seen: JobState | None = None

    def is_resting(self, state: JobState | None, now: float) -> bool:
        """Tell whether there can be nothing new of a job in *state*."""
        return not self.waiting and now < self.answers and state is self.seen

    def wants_round(self, state: JobState) -> bool:
        """Tell whether another round is worth asking for."""
        if self.goal is Goal.LOOK or self.rounds >= MOST_ROUNDS:
            return False
        return wants_round(state, self.goal)

    def is_over(self, state: JobState, now: float) -> bool:
        """Tell whether all have answered, or who has not is not waited for."""
        if self.waiting:
            return False
        return now >= self.ends or all(
            worker not in state.electorate
            or has_answered(self.goal, state.votes.get(worker), before, self.since)
            for worker, before in self.asked.items()
        )

    def strike_off(self, state: JobState, here: Set[int]) -> None:
        """Leave out who has said it meanwhile, by the ordinary schedule.

        Whose answer is of the time before the failure is asked once more.
        """
        for worker, before in list(self.waiting.items()):
            vote = state.votes.get(worker)
            known = has_answered(self.goal, vote, before, self.since)
            if worker not in here or known:
                del self.waiting[worker]
        for worker, before in [] if self.again else list(self.asked.items()):
            vote = state.votes.get(worker)
            late = was_under_way(vote, before, self.since, self.told)
            if worker in here and late:
                self.again = True
                self.waiting[worker] = self.asked.pop(worker)


def held(state: JobState, workers: Iterable[int]) -> dict[int, float]:
    """Return *workers* with the times of the votes that they have now."""
    votes = state.votes
    return {w: votes[w].at if w in votes else 0.0 for w in workers}
