"""Who votes on a job: seats that change hands, and votes that do not count now."""

from collections.abc import Container, Iterable, Mapping

from msgspec.structs import replace

from .model import VoteValue, Worker
from .quorum import NOBODY
from .rule import Rule
from .verdict import JobState, Judgement, judge
from .votes import (
    BACK,
    LOST,
    RESTING,
    TIMINGS,
    Vote,
    VoteChange,
    change_of,
    is_void_of_sick,
)


def reseat(
    state: JobState,
    electorate: Iterable[int],
    rule: Rule,
    now: float,
    votes: Iterable[Vote] = (),
    workers: Mapping[int, Worker] = NOBODY,
) -> Judgement:
    """Return *state* with another electorate; votes of those who left are dropped.

    *votes* of those who came are counted with it, as one change. A voter that is
    alone from now on confirms a failure anew.
    """
    seats = tuple(sorted(electorate))
    gone = [v for w, v in state.votes.items() if w not in seats]
    changes = tuple(c for v in gone for c in _lost(state, v, now, "left the job"))
    kept = {w: v for w, v in state.votes.items() if w in seats}
    seated = replace(
        state,
        electorate=seats,
        votes=kept,
        repeats=state.repeats if seats == state.electorate else 0,
        round_good=(),
        round_bad=(),
        stood_by=(),
        # Who is left speaks for itself, whatever those who left had said.
        denied=state.denied and set(seats) >= set(state.electorate),
        suspended=tuple(w for w in state.suspended if w in seats),
        sick=tuple(w for w in state.sick if w in seats),
    )
    judged = judge(seated, votes, rule, now, workers)
    return replace(judged, changes=changes + judged.changes)


def suspend(
    state: JobState,
    lost: Iterable[int],
    rule: Rule,
    now: float,
    workers: Mapping[int, Worker] = NOBODY,
    *,
    resting: Container[int] = (),
) -> Judgement:
    """Return *state* with the votes of *lost* workers, and no others, suspended.

    They are those of the electorate that are lost, or *resting* in maintenance; who
    is back has its vote again, until it expires.
    """
    after = tuple(sorted(set(lost) & set(state.electorate)))
    changes = []
    for worker, vote in state.votes.items():
        was, now_is = worker in state.suspended, worker in after
        if now_is and not was:
            why = RESTING if worker in resting else LOST
            changes.append(change_of(state.job, vote, None, now, why))
        elif was and not now_is:
            changes.append(change_of(state.job, None, vote, now, BACK))
    judged = judge(replace(state, suspended=after), (), rule, now, workers)
    return replace(judged, changes=tuple(changes) + judged.changes)


def sicken(
    state: JobState,
    sick: Mapping[int, str],
    rule: Rule,
    now: float,
    workers: Mapping[int, Worker] = NOBODY,
) -> Judgement:
    """Return *state* with those *sick*, each for a cause, and no others.

    What they cannot tell is taken back for good: who is well again says it anew.
    """
    ill = {w: cause for w, cause in sick.items() if w in state.electorate}
    votes, changes = dict(state.votes), list[VoteChange]()
    for worker, cause in ill.items():
        vote = votes.get(worker)
        if vote and is_void_of_sick(vote.value, expect_fail=rule.expect_fail):
            del votes[worker]
            changes += _lost(state, vote, now, cause)
    after = replace(state, votes=votes, sick=tuple(sorted(ill)))
    judged = judge(after, (), rule, now, workers)
    return replace(judged, changes=tuple(changes) + judged.changes)


def withdraw(
    state: JobState,
    worker: int,
    since: float,
    until: float,
    cause: str,
    rule: Rule,
    now: float,
    workers: Mapping[int, Worker] = NOBODY,
) -> Judgement:
    """Return *state* without what *worker* said from *since* to *until*, being sick.

    That became known only afterwards. What it could tell all the same stays; of a
    timing the warning goes and the ``ok`` stays.
    """
    vote = state.votes.get(worker)
    if vote is None or not since <= vote.at <= until:
        return judge(state, (), rule, now, workers)
    votes = dict(state.votes)
    if is_void_of_sick(vote.value, expect_fail=rule.expect_fail):
        del votes[worker]
        changes = _lost(state, vote, now, cause)
    elif vote.value is VoteValue.WARN and vote.reason in TIMINGS:
        good = replace(vote, value=VoteValue.OK, reason="", detail="")
        votes[worker] = good
        changes = _lost(state, vote, now, cause, good)
    else:
        return judge(state, (), rule, now, workers)
    judged = judge(replace(state, votes=votes), (), rule, now, workers)
    return replace(judged, changes=changes + judged.changes)


def _lost(
    state: JobState, vote: Vote, now: float, cause: str, after: Vote | None = None
) -> tuple[VoteChange, ...]:
    """Return the line of the log for *vote*; a suspended one is gone already."""
    if vote.worker in state.suspended:
        return ()
    return (change_of(state.job, vote, after, now, cause),)
