"""Confirm now: whom to ask to probe at once, within what budget, and in what order.

The first failure of a job that is not down makes its other workers look at once, and
so does the first success of one that is down. All here are values: wishes and tokens
in, what is asked now and what is left out. What is left over waits for tokens; the
ordinary schedule goes on meanwhile, so nothing is lost.
"""

import functools
import ipaddress
from collections.abc import Iterable, Mapping, Sequence, Set
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlsplit

from msgspec import Struct

from .model import Verdict, VoteValue
from .verdict import JobState, Vote

#: A worker confirms so much beside its schedule: a share of its own probe rate, and
#: at least so many a second. So much of it may come at once.
SHARE, LEAST_PER_S, BURST_S = 0.05, 20.0, 1.0
#: An answer that is so much later than the job's timeout does not come.
PATIENCE_S = 2.0
#: Clocks of workers agree at least to this.
SLACK_S = 0.05
#: Where a rule wants several rounds, the next one is asked for so long after the
#: answers to the last: two looks at one moment would be one.
APART_S = 1.0
#: Rounds asked for in a row; then the schedule goes on with it.
MOST_ROUNDS = 10


class Goal(StrEnum):
    """What a confirmation is to find out."""

    DOWN = "down"
    UP = "up"
    LOOK = "look"  #: how a job is on which one depends that fails


class Wish(Struct, frozen=True):
    """Workers that shall probe a job now, and what decides when it is its turn.

    ``dependants`` is how many jobs depend on it, ``parents`` are those on which it
    depends; ``place`` is the part of the network where its target is.
    """

    job: int
    workers: tuple[int, ...]
    dependants: int = 0
    parents: tuple[int, ...] = ()
    place: str = ""


class Ask(NamedTuple):
    """A worker that is asked to probe a job now."""

    job: int
    worker: int


class Plan(NamedTuple):
    """What is asked now, and which wishes are left, in the order of their turns."""

    asks: list[Ask]
    left: list[Wish]


class Bucket(Struct, frozen=True):
    """The confirmations that a worker may still make, as of ``at`` (monotonic)."""

    tokens: float
    at: float


def budget_per_s(probes_per_s: float) -> float:
    """Return how many confirmations a second a worker makes beside its schedule."""
    return max(LEAST_PER_S, SHARE * probes_per_s)


def refill(bucket: Bucket | None, per_s: float, now: float) -> Bucket:
    """Return *bucket* at *now*, filled up by *per_s*; a new one is full."""
    most = per_s * BURST_S
    if bucket is None:
        return Bucket(most, now)
    return Bucket(min(most, bucket.tokens + max(0.0, now - bucket.at) * per_s), now)


def is_over(wishes: Iterable[Wish], tokens: Mapping[int, float]) -> bool:
    """Tell whether *wishes* want more than there are *tokens* of their workers."""
    left = dict(tokens)
    for wish in wishes:
        for worker in wish.workers:
            left[worker] = left.get(worker, 0.0) - 1
            if left[worker] < 0:
                return True
    return False


def in_turn(wishes: Sequence[Wish], sampled: Set[str] = frozenset()) -> list[Wish]:
    """Return *wishes* in the order of their turns; who came first is first in each.

    Jobs on which other wishes depend come first, then those with most dependants,
    then one of each place that is not *sampled* yet, then the rest.
    """
    parents = {parent for wish in wishes for parent in wish.parents}
    seen = set(sampled)
    keyed = []
    for number, wish in enumerate(wishes):
        turn = 0 if wish.job in parents else 1 if wish.dependants else 3
        if turn == 3 and wish.place not in seen:
            seen.add(wish.place)
            turn = 2
        keyed.append((turn, -wish.dependants, number, wish))
    keyed.sort(key=lambda one: one[:3])
    return [wish for *_, wish in keyed]


def plan(wishes: Sequence[Wish], tokens: Mapping[int, float]) -> Plan:
    """Spend *tokens* (by worker) on *wishes*, in their order, as far as they go.

    A wish of which not all workers can be asked stays for the others.
    """
    purse = {worker: int(left) for worker, left in tokens.items()}
    rich = sum(left > 0 for left in purse.values())
    asks: list[Ask] = []
    left_over: list[Wish] = []
    for number, wish in enumerate(wishes):
        if not rich:
            left_over += wishes[number:]
            break
        later = []
        for worker in wish.workers:
            if purse.get(worker, 0) < 1:
                later.append(worker)
                continue
            purse[worker] -= 1
            rich -= not purse[worker]
            asks.append(Ask(wish.job, worker))
        if later:
            left_over.append(Wish(wish.job, tuple(later), *_more(wish)))
    return Plan(asks, left_over)


def _more(wish: Wish) -> tuple[int, tuple[int, ...], str]:
    return wish.dependants, wish.parents, wish.place


def goal_of(state: JobState) -> Goal | None:
    """Return what others can say of a job in this *state*; None if it is plain."""
    if state.verdict is Verdict.DOWN:
        good = any(v.value is not VoteValue.FAILED for v in state.counted)
        return Goal.UP if good else None
    failed = any(v.value is VoteValue.FAILED for v in state.counted)
    return Goal.DOWN if failed else None


def failing(state: JobState) -> set[int]:
    """Return who says of a job in this *state* that it fails."""
    return {w for w, vote in state.votes.items() if vote.value is VoteValue.FAILED}


def whom(state: JobState, goal: Goal, spoke: Set[int], here: Set[int]) -> list[int]:
    """Return which workers *here* to ask, after those who *spoke* made it a question.

    Who has failed already need not say so again. A job that is down needs whole
    rounds to be up: all others are asked.
    """
    asked = [w for w in state.electorate if w in here and w not in spoke]
    if goal is Goal.DOWN:
        return [w for w in asked if not _failed(state.votes.get(w))]
    return asked


def wants_round(state: JobState, goal: Goal) -> bool:
    """Tell whether the votes are there for *goal*, and only rounds are missing.

    A single voter's failures are repeated by `judge` itself.
    """
    if goal is Goal.DOWN:
        return state.line in ("rounds", "tipping")
    return state.verdict is Verdict.DOWN and state.line == "recovering"


def has_answered(goal: Goal, vote: Vote | None, before: float, since: float) -> bool:
    """Tell whether *vote* is newer than the one of *before*, and of the matter.

    The matter began at *since*; a failure that began before it confirms one.
    """
    if vote is None or vote.at <= before:
        return False
    return vote.at >= since - SLACK_S or (goal is Goal.DOWN and _failed(vote))


def was_under_way(vote: Vote | None, before: float, since: float, asked: float) -> bool:
    """Tell whether *vote* is of a run that went on when its worker was *asked*.

    It was the answer then, but it began before the matter did, at *since*.
    """
    if vote is None or vote.at <= before:
        return False
    return vote.at < since - SLACK_S and vote.end >= asked


@functools.lru_cache(maxsize=16_384)
def place_of(target: str) -> str:
    """Return the part of the network where *target* is.

    That is its /24, its /64, or the domain above its name.
    """
    rest = target.rpartition("//")[2] if "//" in target else target
    try:
        host = urlsplit(f"//{rest}").hostname or rest
    except ValueError:
        host = rest
    for text in (host, target):
        try:
            address = ipaddress.ip_address(text.strip("[]"))
        except ValueError:
            continue
        bits = 24 if address.version == 4 else 64
        return str(ipaddress.ip_network((address, bits), strict=False))
    labels = host.rstrip(".").split(".")
    return ".".join(labels[1:] if len(labels) > 2 else labels).lower()


def _failed(vote: Vote | None) -> bool:
    return vote is not None and vote.value is VoteValue.FAILED
