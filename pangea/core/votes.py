"""A vote, a change of one in the log, and what a worker that is sick can say."""

from msgspec import Struct
from msgspec.structs import replace

from .model import VoteValue

GOOD = (VoteValue.OK, VoteValue.WARN)
#: Causes in the log: a vote stops to count for a while, and counts again.
LOST, RESTING, BACK = "worker lost", "worker in maintenance", "worker is back"
#: Warnings of these reasons are timings, which are void while the worker is sick.
TIMINGS = frozenset({"latency", "slower", "loss", "jitter", "clock_offset"})


class Vote(Struct, frozen=True, array_like=True, gc=False):
    """What a worker says of a job, from ``at`` until ``expires`` (UTC seconds).

    One that is ``void``, for that cause, says nothing, and takes back what its
    worker said before. A ``repeat`` was asked for, and is not the vote before it
    delivered twice, however alike they are.
    """

    worker: int
    value: VoteValue
    at: float
    expires: float
    duration_ms: float = 0.0
    reason: str = ""
    detail: str = ""
    void: str = ""
    repeat: bool = False

    @property
    def end(self) -> float:
        """When its probe was over (UTC seconds)."""
        return self.at + self.duration_ms / 1000


class VoteChange(Struct, frozen=True, array_like=True):
    """A line of the vote-change log; None is no vote."""

    job: int
    worker: int
    at_us: int
    before: VoteValue | None
    after: VoteValue | None
    cause: str


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


def is_void_of_sick(value: VoteValue, *, expect_fail: bool) -> bool:
    """Tell whether *value* says nothing if a sick worker says it.

    That it reached nothing may be its own fault; that something answered is true
    all the same. Where nothing must answer it is the other way round.
    """
    return (value is VoteValue.FAILED) != expect_fail


def with_reason(vote: Vote, held: Vote | None) -> Vote:
    """Return *vote* with the reason of *held*, if that says the same."""
    if vote.reason or held is None or held.value is not vote.value:
        return vote
    return replace(vote, reason=held.reason, detail=held.detail)
