"""What the votes that a state holds add up to, and why, in words."""

from typing import TYPE_CHECKING

from .model import Verdict, VoteValue

if TYPE_CHECKING:
    from .verdict import JobState, Rule, Vote

#: One worker alone confirms a failure by repeats, this long after each try.
REPEAT_AFTER_S = (0.0, 1.0, 5.0)


def decide(state: "JobState", rule: "Rule") -> tuple[Verdict, str]:
    """Return what the held votes add up to, and the reason in words."""
    voters, votes = len(state.electorate), state.counted
    failed = [v for v in votes if v.value is VoteValue.FAILED]
    warned = [v for v in votes if v.value is VoteValue.WARN]
    good = len(votes) - len(failed)
    tally = f"{len(failed)} of {voters} failed"
    if not voters:
        return Verdict.UNKNOWN, "no worker probes it"
    if len(votes) < min(2, voters):
        return _too_few(state, votes, failed)
    if len(failed) >= rule.quorum(voters):
        if voters == 1 and rule.confirm and not _confirmed(state):
            return state.verdict, f"confirming: {_because(failed)}"
        return Verdict.DOWN, f"{tally}: {_because(failed)}"
    if good < rule.clear(voters):
        return state.verdict, f"split: {good} of {voters} ok, {tally}"
    if 2 * len(warned) > voters:
        return Verdict.DEGRADED, f"{len(warned)} of {voters} warn: {_because(warned)}"
    if not _recovered(state, rule):
        return state.verdict, f"recovering: {good} of {voters} ok"
    return Verdict.UP, f"{good} of {voters} ok" if not failed else tally


def _too_few(
    state: "JobState", votes: list["Vote"], failed: list["Vote"]
) -> tuple[Verdict, str]:
    """With too few voters the old verdict stands while the rest agree with it."""
    good = len(votes) - len(failed)
    agrees = {
        Verdict.UP: good and not failed,
        Verdict.DEGRADED: bool(votes),
        Verdict.DOWN: bool(failed) and not good,
    }
    have = f"{len(votes)} of {len(state.electorate)} workers vote"
    if agrees.get(state.verdict):
        return state.verdict, f"{have}, and agree"
    return Verdict.UNKNOWN, f"too few to tell: {have}"


def _confirmed(state: "JobState") -> bool:
    return state.verdict is Verdict.DOWN or state.repeats > len(REPEAT_AFTER_S)


def _recovered(state: "JobState", rule: "Rule") -> bool:
    was_bad = state.verdict in (Verdict.DOWN, Verdict.DEGRADED)
    return not was_bad or state.good_rounds >= rule.up_rounds


def _because(votes: list["Vote"]) -> str:
    """Return the reason that most of *votes* give."""
    said = [v.detail or v.reason for v in votes]
    return max(said, key=said.count) if said else ""
