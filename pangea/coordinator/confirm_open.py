"""A confirmation that is not over yet: who is asked, and what each said before."""

from collections.abc import Iterable

from msgspec import Struct, field

from pangea.core.confirm import Goal
from pangea.core.verdict import JobState


class Open(Struct):
    """The one confirmation of a job that is not over yet.

    ``waiting`` are the workers whose turn is still to come and ``asked`` those that
    were asked, each with the time of the vote that it had then. ``since`` is when
    the result began that it is about, ``told`` when somebody was last asked (UTC),
    ``ends`` (monotonic) when it is given up.
    """

    goal: Goal
    waiting: dict[int, float]
    asked: dict[int, float] = field(default_factory=dict)
    since: float = 0.0
    told: float = 0.0
    ends: float = float("-inf")
    rounds: int = 0
    again: bool = False


def held(state: JobState, workers: Iterable[int]) -> dict[int, float]:
    """Return *workers* with the times of the votes that they have now."""
    votes = state.votes
    return {w: votes[w].at if w in votes else 0.0 for w in workers}
