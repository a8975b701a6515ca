"""Jobs, results and stores as the tests of storage make them."""

from pangea.core.model import Job, Outcome, Result
from pangea.storage.connection import connection

T0 = 1_790_000_000_000_000
SECOND = 1_000_000


def job(name="router", **changed):
    given = {"type": "icmp", "target": "10.0.0.1", "interval_s": 30.0, "timeout_s": 5.0}
    return Job(id=0, name=name, **{**given, **changed})


def result(at_s=0.0, *, job=1, worker=1, ms=10.0, outcome=Outcome.OK, **more):
    return Result(
        job=job,
        worker=worker,
        started_at_us=T0 + round(at_s * SECOND),
        duration_ms=ms,
        outcome=outcome,
        **more,
    )


def stored():
    """Return how many results lie as they came, and are not sealed."""
    rows = connection().execute("SELECT first_id, last_id FROM sheaf")
    return sum(last - first + 1 for first, last in rows)
