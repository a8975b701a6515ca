"""The verdict: what the votes of many workers add up to.

``judge(state, votes, rule, now)`` is pure: votes and times in, the new state and
what changed out. Times are those of the events (when a probe began), so the
order of arrival does not matter.
"""

from collections.abc import Iterable

from msgspec import Struct, field
from msgspec.structs import replace

from .errors import UsageError
from .model import PUSHED, Job, Verdict, VoteValue
from .tally import REPEAT_AFTER_S, decide

GOOD = (VoteValue.OK, VoteValue.WARN)
#: What reports by itself stands until it reports again, or the grace ends.
FOR_EVER_S = 100 * 365 * 86400.0
#: A vote from further ahead than this was given before the clock went back.
AHEAD_S = 2.0
#: So little moves a result whose worker has measured its clock better meanwhile.
APART_S = 0.05


class Vote(Struct, frozen=True, array_like=True, gc=False):
    """What a worker says of a job, from ``at`` until ``expires`` (UTC seconds)."""

    worker: int
    value: VoteValue
    at: float
    expires: float
    duration_ms: float = 0.0
    reason: str = ""
    detail: str = ""


class Rule(Struct, frozen=True):
    """How votes are counted.

    ``kind`` is ``majority``, ``any``, ``all`` or ``count`` (then ``count`` workers
    must agree that it failed). ``up_rounds`` good rounds end an outage. Without
    ``confirm`` a single voter is believed at once.
    """

    kind: str = "majority"
    count: int = 0
    up_rounds: int = 2
    confirm: bool = True

    def quorum(self, voters: int) -> int:
        """Return how many failures of *voters* make it down."""
        wanted = {"any": 1, "all": voters, "count": min(self.count, voters)}
        return wanted.get(self.kind, voters // 2 + 1)

    def clear(self, voters: int) -> int:
        """Return how many good votes of *voters* make it up.

        A strict majority on both sides, so an even split moves nothing; for the
        other rules as many as leave the failures short of their quorum.
        """
        if self.kind == "majority":
            return voters // 2 + 1
        return voters - self.quorum(voters) + 1


class VoteChange(Struct, frozen=True, array_like=True):
    """A line of the vote-change log; None is no vote."""

    job: int
    worker: int
    at_us: int
    before: VoteValue | None
    after: VoteValue | None
    cause: str


class Transition(Struct, frozen=True, array_like=True):
    """A change of a job's verdict."""

    job: int
    at_us: int
    before: Verdict
    after: Verdict
    reason: str


class JobState(Struct, frozen=True):
    """All that judging remembers of a job.

    ``repeats`` counts the failures in a row of a single voter; ``good_rounds``
    counts the rounds towards ``up``, ``round_good`` and ``round_bad`` who has
    spoken in the one that is going on. Votes of ``suspended`` workers are held and
    shown, and do not count. ``asked`` is since when the job asks what it asks.
    """

    job: int
    verdict: Verdict = Verdict.UNKNOWN
    since: float = 0.0
    reason: str = "not probed yet"
    electorate: tuple[int, ...] = ()
    votes: dict[int, Vote] = field(default_factory=dict)
    repeats: int = 0
    good_rounds: int = 0
    round_good: tuple[int, ...] = ()
    round_bad: tuple[int, ...] = ()
    suspended: tuple[int, ...] = ()
    asked: float = 0.0

    @property
    def counted(self) -> list[Vote]:
        """The votes that count."""
        return [v for w, v in self.votes.items() if w not in self.suspended]


class Judgement(Struct, frozen=True):
    """A new state and what changed on the way to it.

    ``repeat_after_s`` asks for another try of the single voter, that long from
    now; None asks for nothing.
    """

    state: JobState
    changes: tuple[VoteChange, ...] = ()
    transition: Transition | None = None
    repeat_after_s: float | None = None


def parse_rule(text: str) -> Rule:
    """Return the rule that a job's ``rule`` means; UsageError for any other."""
    if text in ("majority", "any", "all"):
        return Rule(kind=text)
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 1000:
        return Rule(kind="count", count=int(text))
    raise UsageError(
        f"unknown rule {text!r}", hint="use majority, any, all or a number of workers"
    )


def vote_lasts_s(job: Job) -> float:
    """Return how long a vote on *job* counts, in seconds."""
    return FOR_EVER_S if job.type in PUSHED else 2 * job.interval_s + job.timeout_s


def judge(state: JobState, votes: Iterable[Vote], rule: Rule, now: float) -> Judgement:
    """Return *state* after *votes* at *now* (UTC seconds), and what changed.

    Votes not newer than the one their worker already gave, those on what the job
    asked before, and those of workers outside the electorate, change nothing.
    Called without votes it only lets the old ones expire.
    """
    votes = list(votes)
    if _confirms(state, votes, now):
        (vote,) = votes
        return Judgement(replace(state, votes={**state.votes, vote.worker: vote}))
    counted, changes = _count(state, votes, now)
    verdict, reason = decide(counted, rule)
    repeat = _repeat_after(state, counted) if rule.confirm else None
    if verdict is counted.verdict:
        return Judgement(replace(counted, reason=reason), changes, None, repeat)
    transition = Transition(
        state.job, round(now * 1e6), counted.verdict, verdict, reason
    )
    decided = replace(counted, verdict=verdict, since=now, reason=reason, good_rounds=0)
    return Judgement(decided, changes, transition, repeat)


def renew(state: JobState, vote: Vote, now: float) -> bool:
    """Take *vote* into *state* if it says once more what holds: the job is up.

    Nearly every result says that, so it is worth a short way: nothing is copied,
    and *state* must be the caller's own. False if `judge` has to look, and then
    nothing was done. Votes of others that have run out wait for `judge`.
    """
    if state.verdict is not Verdict.UP or state.repeats or state.suspended:
        return False
    before = state.votes.get(vote.worker)
    if (
        before is None
        or not before.value is vote.value is VoteValue.OK
        or not before.expires > now < vote.expires
    ):
        return False
    if before.at < vote.at:
        state.votes[vote.worker] = vote
        return True
    return _is_old(vote, before, now)


def _confirms(state: JobState, votes: list[Vote], now: float) -> bool:
    """Tell whether all that happens is one more ``ok`` of a job that is up.

    Nearly every result is that, so it is worth a short way.
    """
    if len(votes) != 1 or state.verdict is not Verdict.UP or state.repeats:
        return False
    if state.suspended:
        return False
    vote = votes[0]
    before = state.votes.get(vote.worker)
    return (
        before is not None
        and before.value is vote.value is VoteValue.OK
        and before.at < vote.at
        and min(v.expires for v in state.votes.values()) > now
    )


def _count(
    state: JobState, votes: Iterable[Vote], now: float
) -> tuple[JobState, tuple[VoteChange, ...]]:
    """Take in new votes and let old ones expire."""
    held, changes = dict(state.votes), []
    repeats, rounds = state.repeats, Rounds(state)
    for vote in sorted(votes, key=lambda v: (v.at, v.worker)):
        before = held.get(vote.worker)
        if vote.worker not in state.electorate or _is_old(vote, before, now):
            continue
        if vote.at < state.asked <= now or _is_again(vote, before):
            continue
        held[vote.worker] = vote
        if before is None or before.value is not vote.value:
            changes.append(change_of(state.job, before, vote, vote.at, vote.reason))
        repeats = 0 if vote.value in GOOD else repeats + 1
        rounds.hear(vote)
    for vote in [v for v in held.values() if v.expires <= now]:
        del held[vote.worker]
        repeats = 0
        changes.append(change_of(state.job, vote, None, vote.expires, "expired"))
    after = replace(
        state,
        votes=held,
        repeats=repeats,
        good_rounds=rounds.good_in_a_row,
        round_good=tuple(sorted(rounds.good)),
        round_bad=tuple(sorted(rounds.bad)),
    )
    return after, tuple(changes)


def _is_old(vote: Vote, held: Vote | None, now: float) -> bool:
    """Tell whether *held* is newer, unless the clock has gone back since."""
    return held is not None and vote.at <= held.at <= now + AHEAD_S


def _is_again(vote: Vote, held: Vote | None) -> bool:
    """Tell whether *vote* is *held*, delivered twice and placed anew in time."""
    return (
        held is not None
        and abs(vote.at - held.at) < APART_S
        and vote.duration_ms == held.duration_ms
        and vote.value is held.value
    )


class Rounds:
    """Counts good rounds: one new result from a majority of the electorate each.

    A round in which no majority is good begins the count anew; while degraded a
    warning is not good.
    """

    def __init__(self, state: JobState) -> None:
        self.good, self.bad = set(state.round_good), set(state.round_bad)
        self.good_in_a_row = state.good_rounds
        self._voters = len(state.electorate)
        self._wanted = (VoteValue.OK,) if state.verdict is Verdict.DEGRADED else GOOD

    def hear(self, vote: Vote) -> None:
        """Count *vote*, and the round if it is complete."""
        self.good.discard(vote.worker)
        self.bad.discard(vote.worker)
        (self.good if vote.value in self._wanted else self.bad).add(vote.worker)
        if 2 * len(self.good) > self._voters:
            self._end(min(self.good_in_a_row + 1, 1000))
        elif 2 * len(self.bad) > self._voters or (
            len(self.good) + len(self.bad) == self._voters
        ):
            self._end(0)

    def _end(self, in_a_row: int) -> None:
        self.good_in_a_row = in_a_row
        self.good.clear()
        self.bad.clear()


def _repeat_after(before: JobState, after: JobState) -> float | None:
    """Ask the single voter again after each new failure, until it is confirmed."""
    alone = len(after.electorate) == 1
    if not alone or after.verdict is Verdict.DOWN or after.repeats <= before.repeats:
        return None
    done = after.repeats - 1
    return REPEAT_AFTER_S[done] if done < len(REPEAT_AFTER_S) else None


def change_of(
    job: int, before: Vote | None, after: Vote | None, at: float, cause: str
) -> VoteChange:
    """Return the line of the log for a vote that was *before* and is *after*."""
    vote = after or before
    return VoteChange(
        job,
        vote.worker if vote else 0,
        round(at * 1e6),
        before.value if before else None,
        after.value if after else None,
        cause,
    )
