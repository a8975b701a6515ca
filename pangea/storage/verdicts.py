"""Verdicts: the state of each job, and the two logs of what changed."""

from collections.abc import Iterable, Mapping

from pangea.core.model import FIRST_ORG, Verdict, VoteValue
from pangea.core.verdict import Transition, VoteChange

from .connection import connection

_ORG = f"coalesce((SELECT org FROM job WHERE id = ?), {FIRST_ORG})"


def load_states() -> dict[int, bytes]:
    """Return the packed state of each job."""
    return dict(connection().execute("SELECT job, state FROM job_state"))


def save_states(states: Mapping[int, bytes]) -> None:
    """Store packed states; those of jobs that were removed meanwhile are dropped."""
    connection().executemany(
        "INSERT INTO job_state (job, state)"
        " SELECT id, ? FROM job WHERE id = ?"
        " ON CONFLICT (job) DO UPDATE SET state = excluded.state",
        [(state, job) for job, state in states.items()],
    )


def forget_state(job: int) -> None:
    """Drop the state of a job; the logs stay."""
    connection().execute("DELETE FROM job_state WHERE job = ?", (job,))


def log_vote_changes(changes: Iterable[VoteChange]) -> None:
    """Append to the vote-change log."""
    connection().executemany(
        "INSERT INTO vote_change (org, job, worker, at_us, before, after, cause)"
        f" VALUES ({_ORG}, ?, ?, ?, ?, ?, ?)",
        [
            (c.job, c.job, c.worker, c.at_us, c.before, c.after, c.cause)
            for c in changes
        ],
    )


def log_transitions(transitions: Iterable[Transition]) -> None:
    """Append to the log of verdicts."""
    connection().executemany(
        "INSERT INTO transition (org, job, at_us, before, after, reason, line)"
        f" VALUES ({_ORG}, ?, ?, ?, ?, ?, ?)",
        [
            (t.job, t.job, t.at_us, t.before, t.after, t.reason, t.line)
            for t in transitions
        ],
    )


def vote_changes(job: int, since_us: int = 0) -> list[VoteChange]:
    """Return the changes of votes on a job since then, oldest first."""
    rows = connection().execute(
        "SELECT job, worker, at_us, before, after, cause FROM vote_change"
        " WHERE job = ? AND at_us >= ? ORDER BY at_us, id",
        (job, since_us),
    )
    return [
        VoteChange(j, worker, at_us, _vote(before), _vote(after), cause)
        for j, worker, at_us, before, after, cause in rows
    ]


def transitions(job: int, limit: int = 100) -> list[Transition]:
    """Return the changes of a job's verdict that hold, newest first."""
    rows = connection().execute(
        "SELECT job, at_us, before, after, reason, line FROM transition"
        " WHERE job = ? AND superseded_us = 0 ORDER BY at_us DESC, id DESC LIMIT ?",
        (job, limit),
    )
    return [
        Transition(j, at_us, Verdict(before), Verdict(after), reason, line)
        for j, at_us, before, after, reason, line in rows
    ]


def _vote(text: str | None) -> VoteValue | None:
    return None if text is None else VoteValue(text)
