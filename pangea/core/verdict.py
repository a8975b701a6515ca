"""The verdict: what the votes of many workers add up to.

``judge(state, votes, rule, now)`` is pure: votes and times in, the new state and
what changed out. Times are those of the events (when a probe began), so the
order of arrival does not matter.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from . import counting
from .model import PUSHED, Job, Verdict, VoteValue, Worker
from .quorum import NOBODY
from .rule import Rule
from .tally import decide
from .votes import Vote as Vote
from .votes import VoteChange as VoteChange

#: What reports by itself stands until it reports again, or the grace ends.
FOR_EVER_S = 100 * 365 * 86400.0
_UP, _OK = Verdict.UP, VoteValue.OK


class Transition(Struct, frozen=True, array_like=True):
    """A change of a job's verdict; ``line`` is what decided it (`tally.Ground`)."""

    job: int
    at_us: int
    before: Verdict
    after: Verdict
    reason: str
    line: str = ""


class JobState(Struct, frozen=True):
    """All that judging remembers of a job.

    ``line`` says which line of the rule decided (`tally.Ground`). Votes of
    ``suspended`` workers are held and shown, and do not count; a ``sick`` one sits
    in the electorate only while it has a vote, which is then one that counts.
    ``asked`` is since when the job asks what it asks.

    ``repeats`` counts the failed tries of a single voter, the last of which was over
    at ``tried``. ``good_rounds`` counts the rounds towards ``up``, ``round_good`` and
    ``round_bad`` who has spoken in the one that is going on. ``bad_rounds`` counts
    those that the quorum of failures stands, ``partial_rounds`` those that the
    failures of ``standing`` stand below it; ``stood_by`` has spoken since the last.
    ``firm`` is the last verdict that was not unknown. Failures are ``denied`` if
    others have reached the target since: then who ``tipped_by`` its failure, the one of
    ``tipped_at``, what stood below the quorum has to fail again.
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
    line: str = "nobody"
    sick: tuple[int, ...] = ()
    tried: float = 0.0
    bad_rounds: int = 0
    partial_rounds: int = 0
    standing: tuple[int, ...] = ()
    stood_by: tuple[int, ...] = ()
    firm: Verdict = Verdict.UNKNOWN
    tipped_by: int = 0
    tipped_at: float = 0.0
    denied: bool = False

    @property
    def counted(self) -> list[Vote]:
        """The votes that count."""
        if not self.suspended:
            return list(self.votes.values())
        return [v for w, v in self.votes.items() if w not in self.suspended]

    @property
    def voters(self) -> tuple[int, ...]:
        """The electorate as it stands: the sick that have no vote left out."""
        if not self.sick:
            return self.electorate
        return tuple(
            w for w in self.electorate if w not in self.sick or w in self.votes
        )


class Judgement(Struct, frozen=True):
    """A new state and what changed on the way to it.

    ``repeat_after_s`` asks for another try of the single voter, that long from
    now; None asks for nothing.
    """

    state: JobState
    changes: tuple[VoteChange, ...] = ()
    transition: Transition | None = None
    repeat_after_s: float | None = None


def vote_lasts_s(job: Job) -> float:
    """Return how long a vote on *job* counts, in seconds."""
    return FOR_EVER_S if job.type in PUSHED else 2 * job.interval_s + job.timeout_s


def judge(
    state: JobState,
    votes: Iterable[Vote],
    rule: Rule,
    now: float,
    workers: Mapping[int, Worker] = NOBODY,
) -> Judgement:
    """Return *state* after *votes* at *now* (UTC seconds), and what changed.

    Votes not newer than the one their worker already gave, those on what the job
    asked before, and those of workers outside the electorate, change nothing.
    Called without votes it only lets the old ones expire. *workers* give the
    regions that a rule may speak of, and the names for its reasons.
    """
    votes = list(votes)
    if _confirms(state, votes, now):
        (vote,) = votes
        return Judgement(replace(state, votes={**state.votes, vote.worker: vote}))
    counted, changes = counting.count(state, votes, rule, now, workers)
    ground = decide(counted, rule, workers)
    repeat = counting.repeat_after_s(state, counted, rule, now)
    if ground.verdict is counted.verdict:
        if (counted.reason, counted.line) != (ground.reason, ground.line):
            counted = replace(counted, reason=ground.reason, line=ground.line)
        return Judgement(counted, changes, None, repeat)
    turn = Transition(
        state.job,
        round(now * 1e6),
        counted.verdict,
        ground.verdict,
        ground.reason,
        ground.line,
    )
    decided = replace(
        counted,
        verdict=ground.verdict,
        since=now,
        reason=ground.reason,
        line=ground.line,
        good_rounds=0,
        round_good=(),
        round_bad=(),
        firm=_firm(ground.verdict, counted),
    )
    if ground.verdict is Verdict.DOWN:
        repeat = None
    return Judgement(decided, changes, turn, repeat)


def _firm(verdict: Verdict, state: JobState) -> Verdict:
    return state.firm if verdict is Verdict.UNKNOWN else verdict


def renew(state: JobState, vote: Vote, now: float) -> bool:
    """Take *vote* into *state* if it says once more what holds: the job is up.

    Nearly every result says that, so it is worth a short way: nothing is copied,
    and *state* must be the caller's own. False if `judge` has to look, and then
    nothing was done. Votes of others that have run out wait for `judge`.
    """
    before = state.votes.get(vote.worker)
    if (
        before is None
        or not before.value is vote.value is _OK
        or vote.void
        or not before.expires > now < vote.expires
        or not _is_calm(state)
    ):
        return False
    if before.at < vote.at:
        state.votes[vote.worker] = vote
        return True
    return counting.is_old(vote, before, now)


def _confirms(state: JobState, votes: list[Vote], now: float) -> bool:
    """Tell whether all that happens is one more ``ok`` of a job that is up."""
    if len(votes) != 1 or not _is_calm(state):
        return False
    vote = votes[0]
    before = state.votes.get(vote.worker)
    return (
        before is not None
        and before.value is vote.value is _OK
        and not vote.void
        and before.at < vote.at
        and min(v.expires for v in state.votes.values()) > now
        and vote.expires > now
    )


def _is_calm(state: JobState) -> bool:
    """Tell whether the job is up and nothing is being counted."""
    return state.verdict is _UP and not (
        state.repeats or state.suspended or state.standing or state.sick
    )
