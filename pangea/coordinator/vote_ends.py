"""When the first vote of each job runs out: all are looked at every second."""

import math

from pangea.core.verdict import JobState

#: How long it is remembered, in seconds.
TRUSTED_S = 3.0


class VoteEnds:
    """Remembers it for a moment while a state stands: votes that are renewed end later.

    They end sooner only where the interval was shortened, or they were held: so it is
    remembered no longer than `TRUSTED_S`. ``forget`` after they were moved, and now
    and then, for jobs go.
    """

    def __init__(self) -> None:
        self._ends: dict[int, tuple[JobState, float]] = {}

    def has_one(self, state: JobState, now: float) -> bool:
        """Tell whether a vote of *state* has run out at *now* (UTC seconds)."""
        known = self._ends.get(state.job)
        if known is not None and known[0] is state and now < known[1]:
            return False
        ends = min((vote.expires for vote in state.votes.values()), default=math.inf)
        self._ends[state.job] = state, min(ends, now + TRUSTED_S)
        return ends <= now

    def forget(self) -> None:
        """Look at all anew."""
        self._ends.clear()
