"""Votes taken into a state: new ones count, void ones take back, old ones expire."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from .model import Verdict, Worker
from .rounds import Rounds, Tries
from .tally import REPEAT_AFTER_S
from .votes import GOOD, Vote, VoteChange, change_of, is_void_of_sick

if TYPE_CHECKING:
    from .rule import Rule
    from .verdict import JobState

#: A vote from further ahead than this was given before the clock went back.
AHEAD_S = 2.0
#: So little moves a result whose worker has measured its clock better meanwhile.
APART_S = 0.05
#: At most so much of a wait is over by the time that we hear of the try before.
HEARD_S = 0.25
#: What a vote is called that a sick worker has no right to.
SICK = "worker sick"


def count(
    state: "JobState",
    votes: Iterable[Vote],
    rule: "Rule",
    now: float,
    workers: Mapping[int, Worker],
) -> tuple["JobState", tuple[VoteChange, ...]]:
    """Return *state* after *votes*, in the order of their times, and the log of it."""
    held, changes = dict(state.votes), list[VoteChange]()
    rounds = Rounds(state, rule, held, workers)
    tries = Tries(state, rounds.seats)
    settled = False
    for vote in sorted(votes, key=lambda v: (v.at, v.worker)):
        before = held.get(vote.worker)
        if vote.worker not in state.electorate or is_old(vote, before, now):
            continue
        if vote.at < state.asked <= now or _is_again(vote, before):
            continue
        void = vote.void or _void(state, vote, rule)
        if void:
            if held.pop(vote.worker, None):
                changes.append(change_of(state.job, before, None, vote.at, void))
                settled = False
            continue
        held[vote.worker] = vote
        if before is None or before.value is not vote.value:
            changes.append(change_of(state.job, before, vote, vote.at, vote.reason))
        pending = rule.confirm and tries.pending
        tries.hear(vote)
        rounds.hear(vote, pending=pending)
        settled = True
    for vote in [v for v in held.values() if v.expires <= now]:
        del held[vote.worker]
        changes.append(change_of(state.job, vote, None, vote.expires, "expired"))
        settled = False
    tries.settle()
    if not settled:
        rounds.settle()
    if state.suspended:
        # Of these the log says already that they have no vote.
        changes = [c for c in changes if c.worker not in state.suspended]
    return _after(state, held, tries, rounds), tuple(changes)


def _after(
    state: "JobState", held: dict[int, Vote], tries: Tries, rounds: Rounds
) -> "JobState":
    return replace(
        state,
        votes=held,
        repeats=tries.failed,
        tried=tries.end,
        good_rounds=rounds.good_in_a_row,
        round_good=tuple(sorted(rounds.good)),
        round_bad=tuple(sorted(rounds.bad)),
        bad_rounds=rounds.bad_rounds,
        partial_rounds=rounds.partial_rounds,
        standing=tuple(sorted(rounds.standing)),
        stood_by=tuple(sorted(rounds.stood_by)),
        tipped_by=rounds.tipped_by,
        tipped_at=rounds.tipped_at,
        denied=rounds.denied,
    )


def is_old(vote: Vote, held: Vote | None, now: float) -> bool:
    """Tell whether *held* is newer, unless the clock has gone back since."""
    return held is not None and vote.at <= held.at <= now + AHEAD_S


def _is_again(vote: Vote, held: Vote | None) -> bool:
    """Tell whether *vote* is *held*, delivered twice and placed anew in time."""
    return (
        held is not None
        and abs(vote.at - held.at) < APART_S
        and vote.duration_ms == held.duration_ms
        and vote.value is held.value
        and vote.repeat is held.repeat
        and not vote.void
    )


def _void(state: "JobState", vote: Vote, rule: "Rule") -> str:
    if not state.sick or vote.worker not in state.sick:
        return ""
    return SICK if is_void_of_sick(vote.value, expect_fail=rule.expect_fail) else ""


def repeat_after_s(
    before: "JobState", after: "JobState", rule: "Rule", now: float
) -> float | None:
    """Return when a single voter is to try again, in seconds; None: not again.

    After each new failure, until it is confirmed. The wait counts from the end of
    the try before; what is lost on the way to us is part of it.
    """
    done = after.repeats - 1
    if not rule.confirm or after.verdict is Verdict.DOWN:
        return None
    if not 0 <= done < len(REPEAT_AFTER_S):
        return None
    (sole,) = after.voters
    vote, known = after.votes[sole], before.votes.get(sole)
    if vote.value in GOOD or (before.repeats and known and known.at == vote.at):
        return None
    left = after.tried + REPEAT_AFTER_S[done] - now
    if after.repeats == before.repeats:
        # The schedule came between, and the wait goes on as it was.
        return max(left, 0.0)
    return max(left, REPEAT_AFTER_S[done] - HEARD_S, 0.0)
