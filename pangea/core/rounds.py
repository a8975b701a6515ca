"""What judging counts over time: rounds, and the tries of a voter that is alone."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .liveness import LEAVES_S
from .model import Verdict, VoteValue, Worker
from .tally import NOBODY_NEW, REPEAT_AFTER_S
from .votes import GOOD, Vote

if TYPE_CHECKING:
    from .rule import Rule
    from .verdict import JobState

#: So far may the clocks of two workers be apart, in seconds.
APART_S = 0.25
#: No count goes further.
MOST = 1000
#: A try that began so little before its time was one.
EARLY_S = 0.3
_FAILED = VoteValue.FAILED


class Seats:
    """Who votes while votes are taken into ``held``."""

    def __init__(self, state: "JobState", held: Mapping[int, Vote]) -> None:
        self._all, self._sick = state.electorate, state.sick
        self._suspended, self.held = state.suspended, held

    def voters(self) -> tuple[int, ...]:
        """Return the electorate, without the sick that have no vote."""
        if not self._sick:
            return self._all
        return tuple(w for w in self._all if w not in self._sick or w in self.held)

    def failing(self) -> list[int]:
        """Return those whose vote is ``failed``, and counts."""
        failed = [w for w, v in self.held.items() if v.value is _FAILED]
        if not self._suspended:
            return failed
        return [w for w in failed if w not in self._suspended]

    def sole(self) -> Vote | None:
        """Return the vote that counts of a voter that is alone."""
        voters = self.voters()
        if len(voters) != 1 or voters[0] in self._suspended:
            return None
        return self.held.get(voters[0])


class Tries:
    """The failed tries in a row of a single voter; the last was over at ``end``.

    A failure counts as the next try if it began as long after the one before as
    it had to: what the schedule asks in between confirms nothing.
    """

    def __init__(self, state: "JobState", seats: Seats) -> None:
        self.failed, self.end = state.repeats, state.tried
        self._seats = seats

    @property
    def pending(self) -> bool:
        """Whether a failure waits to be confirmed."""
        return 0 < self.failed <= len(REPEAT_AFTER_S)

    def hear(self, vote: Vote) -> None:
        """Count *vote*, which is held now."""
        if self._seats.sole() is not vote or vote.value in GOOD:
            self.failed = 0
        elif not self.failed or self._is_next(vote):
            self.failed = min(self.failed + 1, len(REPEAT_AFTER_S) + 1)
            self.end = vote.end

    def settle(self) -> None:
        """Begin with a voter that is alone from now on; forget who is not any more."""
        vote = self._seats.sole()
        if vote is None or vote.value in GOOD:
            self.failed = 0
        elif not self.failed:
            self.failed, self.end = 1, vote.end

    def _is_next(self, vote: Vote) -> bool:
        if self.failed > len(REPEAT_AFTER_S) or vote.at < self.end - REPEAT_AFTER_S[-1]:
            return True  # all are done, or the clock went back
        return vote.at >= self.end + REPEAT_AFTER_S[self.failed - 1] - EARLY_S


class Rounds:
    """Counts rounds: one new result from a majority of the electorate each.

    A round in which no majority is good begins the count towards ``up`` anew; while
    degraded a warning is not good, nor is a round in which anybody fails.

    Failures stand in rounds of another kind: of these the first begins with them,
    and in each of the others somebody who fails has said so once more.
    """

    def __init__(
        self,
        state: "JobState",
        rule: "Rule",
        held: Mapping[int, Vote],
        workers: Mapping[int, Worker],
    ) -> None:
        self.seats = Seats(state, held)
        self.good, self.bad = set(state.round_good), set(state.round_bad)
        self.good_in_a_row = state.good_rounds
        self.bad_rounds, self.partial_rounds = state.bad_rounds, state.partial_rounds
        self.standing, self.stood_by = set(state.standing), set(state.stood_by)
        self.tipped_by, self.tipped_at = state.tipped_by, state.tipped_at
        self.denied = state.denied
        self._rule, self._workers = rule, workers
        self._degraded = state.verdict is Verdict.DEGRADED
        self._unknown = state.verdict is Verdict.UNKNOWN
        self._wanted = (VoteValue.OK,) if self._degraded else GOOD

    def hear(self, vote: Vote, *, pending: bool) -> None:
        """Count *vote*, which is held now, and the round if it is complete.

        The tries that confirm a failure, while that is *pending*, are one round.
        """
        voters = self.seats.voters()
        failing = self.seats.failing()
        self._hear_good(vote, len(voters), calm=not (self._degraded and failing))
        if not failing and not self.standing:
            return
        if vote.worker == self.tipped_by and vote.at > self.tipped_at:
            self.tipped_by = 0  # it has failed twice, or it has not
        elif self.tipped_by == NOBODY_NEW and vote.at > self.tipped_at + LEAVES_S:
            self.tipped_by = 0  # those who are gone have left the electorate by now
        self._hear_denial(vote)
        if self._stands(failing, voters) and not pending:
            self.stood_by.add(vote.worker)
            again = not self.stood_by.isdisjoint(self.standing)
            if again and 2 * len(self.stood_by) > len(voters):
                self._stood()

    def settle(self) -> None:
        """See who fails now that votes have gone."""
        failing = self.seats.failing()
        if failing or self.standing:
            self._stands(failing, self.seats.voters())

    def _hear_good(self, vote: Vote, voters: int, *, calm: bool) -> None:
        self.good.discard(vote.worker)
        self.bad.discard(vote.worker)
        (self.good if vote.value in self._wanted else self.bad).add(vote.worker)
        if 2 * len(self.good) > voters:
            self._end(min(self.good_in_a_row + 1, MOST) if calm else 0)
        elif 2 * len(self.bad) > voters or len(self.good) + len(self.bad) >= voters:
            self._end(0)

    def _end(self, in_a_row: int) -> None:
        self.good_in_a_row = in_a_row
        self.good.clear()
        self.bad.clear()

    def _stands(self, failing: list[int], voters: tuple[int, ...]) -> bool:
        """Tell whether what stands goes on; else what stands now begins."""
        quorum = self._rule.quorum.fails(failing, voters, self._workers)
        goes_on = bool(failing) and quorum == bool(self.bad_rounds)
        new = set(failing) - self.standing
        if quorum:
            self.standing = set(failing)
        elif goes_on:
            self.standing.intersection_update(failing)
        if goes_on and self.standing:
            if new:
                self.tipped_by = 0  # somebody else fails as well
            return True
        self._tip(new, quorum=quorum)
        self.standing = set(failing)
        self.stood_by.clear()
        self.denied = False
        self.bad_rounds = int(quorum)
        self.partial_rounds = int(bool(failing) and not quorum)
        return False

    def _hear_denial(self, vote: Vote) -> None:
        """Note that somebody reaches what others failed to reach before."""
        if vote.value in GOOD and vote.worker not in self.standing:
            held = self.seats.held
            began = [held[w].at for w in self.standing if w in held]
            self.denied |= any(at + APART_S < vote.at for at in began)

    def _tip(self, new: set[int], *, quorum: bool) -> None:
        """Note who alone makes a quorum of failures that others have denied.

        Else one lost packet were enough, for the other failures are no news. That
        those who reached it are gone is none either.
        """
        self.tipped_by, self.tipped_at = 0, 0.0
        if not quorum or not self.denied or self._unknown:
            return
        if len(new) == 1:
            (self.tipped_by,) = new
            self.tipped_at = self.seats.held[self.tipped_by].at
        elif not new:
            self.tipped_by = NOBODY_NEW
            self.tipped_at = max(v.at for v in self.seats.held.values())

    def _stood(self) -> None:
        self.stood_by.clear()
        if self.bad_rounds:
            self.bad_rounds = min(self.bad_rounds + 1, MOST)
        else:
            self.partial_rounds = min(self.partial_rounds + 1, MOST)
