"""From a result to a vote: thresholds, and what a sick worker cannot say."""

from collections.abc import Callable

from pangea.core.model import Flag, Job, Outcome, Result, VoteValue
from pangea.core.threshold import Pasts, warning
from pangea.core.votes import TIMINGS, Vote, is_void_of_sick

from .board import Board

_SICK, _NO_TIMES = int(Flag.SICK), int(Flag.SICK | Flag.LAGGED)
_WARN, _GOOD, _OK = VoteValue.WARN, VoteValue.OK, Outcome.OK
#: The cause of a void vote whose worker says itself that it was unwell.
UNWELL = "worker sick"


class Voting:
    """Makes votes of results."""

    def __init__(self, board: Board, void: Callable[[Result, Job], str]) -> None:
        self._board = board
        self._pasts = Pasts()
        self._void = void

    def vote(self, result: Result) -> Vote | None:
        """Return what *result* says of its job, which is on the board.

        An error says nothing. A void vote takes back what its worker said before.
        """
        board, lasts = self._board, self._board.lasts[result.job]
        if (
            result.outcome is _OK
            and not result.flags
            and result.job not in board.weighed
            and not board.resting
        ):
            return vote_of(result, _GOOD, lasts)
        return self._weighed(result, lasts)

    def forget(self, job: int) -> None:
        """Forget how long *job* usually took: it asks another question."""
        self._pasts.forget(job)

    def _weighed(self, result: Result, lasts: float) -> Vote | None:
        value, job = result.vote, self._board.jobs[result.job]
        if value is None:
            return None
        rule = self._board.rules[result.job]
        cause = self._void(result, job)
        if not cause and result.flags & _SICK:
            cause = UNWELL * is_void_of_sick(value, expect_fail=rule.expect_fail)
        if cause:
            return vote_of(result, value, lasts, void=cause)
        if value is VoteValue.FAILED:
            return vote_of(result, value, lasts)
        timed = not result.flags & _NO_TIMES and result.worker not in self._board.sick
        if value is _WARN and not timed and result.reason in TIMINGS:
            return vote_of(result, _GOOD, lasts, why=("", ""))
        why = warning(result, rule, self._pasts, timed=timed) if rule.warns else None
        if why and value is _GOOD:
            return vote_of(result, _WARN, lasts, why=why)
        return vote_of(result, value, lasts)


def vote_of(
    result: Result,
    value: VoteValue,
    lasts_s: float,
    *,
    why: tuple[str, str] | None = None,
    void: str = "",
) -> Vote:
    """Return *result* as the vote *value*, for so long; *why* replaces its reason."""
    at = result.started_at_us / 1e6
    reason, detail = why or (result.reason, result.detail)
    return Vote(
        result.worker,
        value,
        at,
        at + lasts_s,
        result.duration_ms,
        reason,
        detail,
        void,
    )
