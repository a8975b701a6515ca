"""From a result to a vote: thresholds, and what a sick worker cannot say."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pangea.core.model import Flag, Job, Outcome, Result, VoteValue
from pangea.core.threshold import Pasts, warning
from pangea.core.votes import TIMINGS, Vote, is_void_of_sick

from .board import Board

if TYPE_CHECKING:
    from .bygone import Bygone

_SICK, _NO_TIMES = int(Flag.SICK), int(Flag.SICK | Flag.LAGGED)
_WARNED, _REPEAT = int(Flag.WARN), int(Flag.REPEAT)
_WARN, _GOOD, _OK = VoteValue.WARN, VoteValue.OK, Outcome.OK
_LAGGED = int(Flag.LAGGED)
#: Said of a good result whose times might have warned.
UNTIMED = "its times do not count: the worker was {}"
#: The cause of a void vote whose worker says itself that it was unwell.
UNWELL = "worker sick"


class Voting:
    """Makes votes of results: by what holds now, or *then*."""

    def __init__(
        self,
        board: Board,
        void: Callable[[Result, Job], str],
        then: "Bygone | None" = None,
    ) -> None:
        self._board = board
        self._pasts = Pasts()
        self._void = void
        self._then = then

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
            and self._then is None
        ):
            return vote_of(result, _GOOD, lasts)
        return self._weighed(result, lasts)

    def forget(self, job: int) -> None:
        """Forget how long *job* usually took: it asks another question."""
        self._pasts.forget(job)

    def tidy(self) -> None:
        """Forget jobs whose past nobody looks at any more."""
        self._pasts.keep(self._board.weighed)

    def _weighed(self, result: Result, lasts: float) -> Vote | None:
        value, job = result.vote, self._board.jobs[result.job]
        if value is None:
            return None
        rule = self._board.rules[result.job]
        cause = self._void(result, job)
        says_nothing = is_void_of_sick(value, expect_fail=rule.expect_fail)
        if not cause and says_nothing and result.flags & _SICK:
            cause = UNWELL
        if cause and (says_nothing or self._is_resting(result)):
            return vote_of(result, value, lasts, void=cause)
        if value is VoteValue.FAILED:
            return vote_of(result, value, lasts)
        return self._good(result, value, lasts, timed=not cause)

    def _good(
        self, result: Result, value: VoteValue, lasts: float, *, timed: bool
    ) -> Vote:
        """Return the vote of a good result; its times say something if *timed*."""
        if result.flags & _NO_TIMES or self._is_sick(result):
            timed = False
        if value is _WARN:
            if timed or result.reason not in TIMINGS:
                return vote_of(result, _WARN, lasts)
            return vote_of(_untimed(result), _GOOD, lasts)
        rule = self._board.rules[result.job]
        why = warning(result, rule, self._pasts, timed=timed) if rule.warns else None
        if why is None or (why[0] in TIMINGS and self._is_sick_time(result)):
            said = result if timed or not rule.times else _untimed(result)
            return vote_of(said, _GOOD, lasts)
        reason, detail = why
        said = replace(result, reason=reason, detail=detail)
        return vote_of(said, _WARN, lasts)

    def _is_resting(self, result: Result) -> bool:
        if self._then is not None:
            return self._then.is_resting(result)
        return result.worker in self._board.resting

    def _is_sick(self, result: Result) -> bool:
        if self._then is not None:
            return self._then.is_sick(result)
        return result.worker in self._board.sick

    def _is_sick_time(self, result: Result) -> bool:
        """Tell whether a warning about the time that it took would be void."""
        warned = replace(result, flags=result.flags | _WARNED)
        return bool(self._void(warned, self._board.jobs[result.job]))


def _untimed(result: Result) -> Result:
    """Return *result*, which says nothing but why its times say nothing."""
    how = "too busy" if result.flags & _LAGGED else "unwell"
    return replace(result, reason="", detail=UNTIMED.format(how))


def vote_of(
    result: Result,
    value: VoteValue,
    lasts_s: float,
    *,
    void: str = "",
) -> Vote:
    """Return *result* as the vote *value*, for so long."""
    at = result.started_at_us / 1e6
    return Vote(
        result.worker,
        value,
        at,
        at + lasts_s,
        result.duration_ms,
        result.reason,
        result.detail,
        void,
        result.flags & _REPEAT != 0,
    )
