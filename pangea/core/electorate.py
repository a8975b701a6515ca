"""Who votes on a job: seats that change hands, and votes that do not count now."""

from collections.abc import Container, Iterable

from msgspec.structs import replace

from .verdict import JobState, Judgement, Rule, Vote, change_of, judge


def reseat(
    state: JobState,
    electorate: Iterable[int],
    rule: Rule,
    now: float,
    votes: Iterable[Vote] = (),
) -> Judgement:
    """Return *state* with another electorate; votes of those who left are dropped.

    *votes* of those who came are counted with it, as one change.
    """
    seats = tuple(sorted(electorate))
    gone = [v for w, v in state.votes.items() if w not in seats]
    changes = tuple(change_of(state.job, v, None, now, "left the job") for v in gone)
    kept = {w: v for w, v in state.votes.items() if w in seats}
    seated = replace(
        state,
        electorate=seats,
        votes=kept,
        round_good=(),
        round_bad=(),
        suspended=tuple(w for w in state.suspended if w in seats),
    )
    judged = judge(seated, votes, rule, now)
    return replace(judged, changes=changes + judged.changes)


def suspend(
    state: JobState,
    workers: Iterable[int],
    rule: Rule,
    now: float,
    resting: Container[int] = (),
) -> Judgement:
    """Return *state* with the votes of *workers*, and no others, suspended.

    They are those of the electorate that are lost, or *resting* in maintenance; who
    is back has its vote again, until it expires.
    """
    after = tuple(sorted(set(workers) & set(state.electorate)))
    changes = []
    for worker, vote in state.votes.items():
        was, now_is = worker in state.suspended, worker in after
        if now_is and not was:
            why = "worker in maintenance" if worker in resting else "worker lost"
            changes.append(change_of(state.job, vote, None, now, why))
        elif was and not now_is:
            changes.append(change_of(state.job, None, vote, now, "worker is back"))
    judged = judge(replace(state, suspended=after), (), rule, now)
    return replace(judged, changes=tuple(changes) + judged.changes)
