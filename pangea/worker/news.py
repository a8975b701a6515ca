"""Which results the coordinator waits for, and how long each may wait."""

import math

from pangea.core.model import Flag, Result, VoteValue

#: Results wait this long for company before they are written. Each group costs
#: both ends several wake-ups and a commit, at few results a second most of all.
ROUTINE_S = 1.0
#: So long when one of them is news: a storm is one group too.
NEWS_S = 0.02
#: After so many at once groups of news leave no more often than this, in seconds.
AT_ONCE, GAP_S = 5, 0.1
#: As a plain number: a flag's own operators cost a microsecond a result.
_TOLD_AT_ONCE = int(Flag.REPEAT | Flag.CHANGED)


class News:
    """What a verdict may turn on.

    That is a vote which is not the job's last one, a repeat that was asked for,
    and a change.
    """

    def __init__(self) -> None:
        self._unwell: dict[int, VoteValue | None] = {}

    def is_in(self, result: Result) -> bool:
        """Take note of *result*; tell whether it is news."""
        vote, job = result.vote, result.job
        before = self._unwell.get(job, VoteValue.OK)
        if vote is not VoteValue.OK:
            self._unwell[job] = vote
        elif before is not VoteValue.OK:
            del self._unwell[job]
        return vote is not before or bool(result.flags & _TOLD_AT_ONCE)


class Pace:
    """When a group of news leaves: soon, but where much happens ten times a second.

    Then all workers send at the same tenths of a second, as far as their clocks agree:
    what they say of one job is judged, and written, together. Times are in UTC seconds;
    a clock that is set costs no more than a tenth.
    """

    def __init__(self) -> None:
        self._even = 0.0

    def wait_s(self, now: float) -> float:
        """Return how long a group waits that begins with news *now*."""
        soon = now + NEWS_S
        if soon < self._even - AT_ONCE * GAP_S:
            soon = math.ceil(soon / GAP_S) * GAP_S
        return soon - now

    def left(self, now: float) -> None:
        """Note that a group leaves."""
        self._even = min(max(self._even, now), now + AT_ONCE * GAP_S) + GAP_S
