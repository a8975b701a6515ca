"""The past judged again: changes of votes, or results, through the same `judge`.

Pure. Between two changes of the log a vote is renewed once each interval by each
worker that has one; these renewals are made up, and only while they can matter.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from math import ceil, inf

from msgspec import Struct
from msgspec.structs import replace

from .electorate import reseat
from .model import Verdict, VoteValue, Worker
from .quorum import NOBODY
from .rounds import MOST, Rounds
from .rule import Rule
from .tally import PARTIAL_ROUNDS
from .uptime import Span
from .verdict import JobState, Judgement, Transition, judge
from .votes import Vote, VoteChange

#: Lines of the rule that further rounds may change.
OPEN_LINES = frozenset({"confirming", "tipping", "rounds", "recovering", "split"})
LEFT = "left the job"
#: Verdicts that end after so many good rounds.
_COUNTED = (Verdict.DOWN, Verdict.DEGRADED)


class Recorded(Struct, frozen=True, kw_only=True):
    """What is recorded of a job over a stretch, in UTC seconds and microseconds.

    ``held`` are the last changes of votes before it, ``changes`` those within it in
    order; ``seats`` the electorates, from the last one before it on; ``verdict`` is
    what held when it began. ``planned`` is when it was in maintenance, ``drills``
    when it failed on purpose.
    """

    job: int
    interval_s: float
    begin_us: int
    end_us: int
    verdict: Verdict = Verdict.UNKNOWN
    held: Sequence[VoteChange] = ()
    changes: Sequence[VoteChange] = ()
    seats: Sequence[tuple[int, tuple[int, ...]]] = ()
    planned: Sequence[Span] = ()
    drills: Sequence[Span] = ()


def replay(
    recorded: Recorded, rule: Rule, workers: Mapping[int, Worker] = NOBODY
) -> list[Transition]:
    """Return the transitions that *rule* makes of what is *recorded*.

    They are right to within an interval: the log does not say when a vote was
    renewed, only that it was.
    """
    return _Replay(recorded, rule, workers).run()


class _Replay:
    def __init__(
        self, recorded: Recorded, rule: Rule, workers: Mapping[int, Worker]
    ) -> None:
        self._told, self._rule, self._workers = recorded, rule, workers
        self._interval = recorded.interval_s
        self._most = max(rule.down_rounds, rule.up_rounds, PARTIAL_ROUNDS) + 2
        self._due: float | None = None
        self.found: list[Transition] = []
        votes = {
            c.worker: _vote(c, c.after) for c in recorded.held if c.after is not None
        }
        seated = [s for at, s in recorded.seats if at <= recorded.begin_us]
        seats = seated[-1] if seated else tuple(sorted(votes))
        self._at = recorded.begin_us / 1e6
        self.state = JobState(
            recorded.job,
            verdict=recorded.verdict,
            firm=recorded.verdict,
            since=self._at,
            electorate=tuple(sorted({*seats, *votes})),
            votes=votes,
        )

    def run(self) -> list[Transition]:
        """Go through the log; return the changes of the verdict."""
        self._take(judge(self.state, (), self._rule, self._at, self._workers))
        for at_us, said in self._log():
            self._wait(at_us / 1e6)
            self._at = at_us / 1e6
            for seats in (s for s in said if isinstance(s, tuple)):
                self._seat(seats)
            self._hear([c for c in said if isinstance(c, VoteChange)])
        self._wait(self._told.end_us / 1e6)
        return self.found

    def _log(self) -> Iterator[tuple[int, list[VoteChange | tuple[int, ...]]]]:
        """Yield what was logged, together what was at one time."""
        begin, end = self._told.begin_us, self._told.end_us
        said: list[tuple[int, VoteChange | tuple[int, ...]]] = [
            (change.at_us, change) for change in self._told.changes
        ]
        if self._told.seats:
            said += self._told.seats
            said.sort(key=lambda entry: entry[0])
        within = (entry for entry in said if begin < entry[0] < end)
        for at_us, group in groupby(within, key=lambda entry: entry[0]):
            yield at_us, [entry[1] for entry in group]

    def _hear(self, changes: Iterable[VoteChange]) -> None:
        votes, gone, left = [], [], []
        for change in changes:
            if change.after is not None:
                votes.append(_vote(change, change.after))
            elif change.cause == LEFT:
                left.append(change.worker)
            else:
                gone.append(change.worker)
        state = self.state
        new = {v.worker for v in votes}.difference(state.electorate)
        if gone:
            kept = {w: v for w, v in state.votes.items() if w not in gone}
            state = replace(state, votes=kept)
        if left or new:
            seats = {*state.electorate, *new}.difference(left)
            self._take(reseat(state, seats, self._rule, self._at, votes, self._workers))
        elif votes or gone:
            self._take(judge(state, votes, self._rule, self._at, self._workers))

    def _seat(self, seats: tuple[int, ...]) -> None:
        if seats != self.state.electorate:
            self._take(
                reseat(self.state, seats, self._rule, self._at, (), self._workers)
            )

    def _take(self, judged: Judgement) -> None:
        self.state = judged.state
        if judged.transition:
            self.found.append(judged.transition)
        after = judged.repeat_after_s
        self._due = None if after is None else self._at + after

    def _wait(self, until: float) -> None:
        """Let the votes be renewed until then, as long as that can change anything."""
        left = self._most * max(1, len(self.state.electorate))
        while left > 0 and self._is_open():
            votes = self._renewals(until, min(left, self._fewest()))
            if not votes:
                return
            self._at = votes[-1].at
            self._take(judge(self.state, votes, self._rule, self._at, self._workers))
            left -= len(votes)
        if self.state.verdict in _COUNTED and self.state.votes:
            self._skip(until)

    def _skip(self, until: float) -> None:
        """Leave out the renewals until then that change nothing but the rounds.

        The same votes in the same order make the same rounds: as soon as these
        repeat themselves, whole repetitions are left out.
        """
        due = sorted(((self._next(v), v) for v in self.state.votes.values()), key=_when)
        # What is logged at that very moment is the renewal itself.
        until -= 1e-6 * self._interval
        due = [(at, vote) for at, vote in due if at < until]
        if not due:
            return
        counts = [ceil((until - at) / self._interval) for at, _ in due]
        rounds = Rounds(self.state, self._rule, self.state.votes, self._workers)
        seen: dict[tuple[tuple[int, ...], ...], tuple[int, int]] = {}
        cycle, whole = 0, min(counts)
        while cycle < whole:
            key = (tuple(sorted(rounds.good)), tuple(sorted(rounds.bad)))
            if key in seen:
                begun, row = seen.pop(key)
                times, rest = divmod(whole - cycle, cycle - begun)
                more = times * (rounds.good_in_a_row - row)
                rounds.good_in_a_row = min(rounds.good_in_a_row + more, MOST)
                seen, cycle, whole = {}, 0, rest
                continue
            seen[key] = cycle, rounds.good_in_a_row
            for _, vote in due:
                rounds.hear(vote, pending=True)
            cycle += 1
        for (_, vote), count in zip(due, counts, strict=True):
            if count > min(counts):
                rounds.hear(vote, pending=True)
        self._note(due, counts, rounds)

    def _note(
        self, due: list[tuple[float, Vote]], counts: list[int], rounds: Rounds
    ) -> None:
        votes = dict(self.state.votes)
        for (at, vote), count in zip(due, counts, strict=True):
            votes[vote.worker] = replace(vote, at=at + (count - 1) * self._interval)
        self.state = replace(
            self.state,
            votes=votes,
            good_rounds=rounds.good_in_a_row,
            round_good=tuple(sorted(rounds.good)),
            round_bad=tuple(sorted(rounds.bad)),
        )

    def _fewest(self) -> int:
        """Return how many renewals it takes at least until anything can change.

        A round takes a majority, so as many are heard in one go.
        """
        state, rule = self.state, self._rule
        majority = len(state.electorate) // 2 + 1
        if state.line in ("confirming", "tipping"):
            return 1
        if state.line == "recovering":
            rounds, spoken = rule.up_rounds - state.good_rounds, len(state.round_good)
        elif state.bad_rounds:
            rounds, spoken = rule.down_rounds - state.bad_rounds, len(state.stood_by)
        else:
            rounds = PARTIAL_ROUNDS - state.partial_rounds
            spoken = len(state.stood_by)
        if state.line == "recovering" and state.standing and not state.bad_rounds:
            partial = (PARTIAL_ROUNDS - state.partial_rounds) * majority
            return max(
                1, min(rounds * majority - spoken, partial - len(state.stood_by))
            )
        return max(1, rounds * majority - spoken)

    def _is_open(self) -> bool:
        state = self.state
        if not state.votes:
            return False
        if state.line in OPEN_LINES:
            return True
        return bool(state.standing) and (
            state.verdict is not Verdict.DOWN and state.partial_rounds < PARTIAL_ROUNDS
        )

    def _renewals(self, until: float, most: int) -> list[Vote]:
        """Return the next votes before then that say once more what holds."""
        votes = list(self.state.votes.values())
        if self._due is not None and len(votes) == 1:
            due, self._due = max(self._due, votes[0].at + 0.001), None
            if due < min(until, self._next(votes[0])):
                return [replace(votes[0], at=due, repeat=True)]
        due_of = [(self._next(vote), vote) for vote in votes]
        found: list[Vote] = []
        while due_of and len(found) < most:
            at, vote = min(due_of, key=_when)
            if at >= until:
                break
            found.append(replace(vote, at=at, repeat=False))
            due_of[due_of.index((at, vote))] = (at + self._interval, vote)
        return found

    def _next(self, vote: Vote) -> float:
        """Return when *vote* is renewed next."""
        at = vote.at + self._interval
        if at <= self._at:
            at += self._interval * ((self._at - at) // self._interval + 1)
        return at


def _when(due: tuple[float, Vote]) -> float:
    return due[0]


def _vote(change: VoteChange, value: VoteValue) -> Vote:
    return Vote(change.worker, value, change.at_us / 1e6, inf, 0.0, change.cause)
