"""A drill: a job fails on purpose, through real workers, votes and verdicts."""

from msgspec import Struct
from msgspec.structs import replace

from .model import Flag, Outcome, Result

REASON = "drill"
DETAIL = "DRILL: told as failed on purpose"
#: How long it may fail, in seconds, and the least.
LONGEST_S, LEAST_S = 3600.0, 1.0
_DRILL, _WARN = int(Flag.DRILL), int(Flag.WARN)


class Drill(Struct, frozen=True, kw_only=True):
    """A drill and how far it is; moments are UTC seconds, 0 if not reached.

    While it is ``failing`` workers tell the job as failed, until it is ``confirmed``
    or ``limit`` is reached; from ``ended`` on they tell how it is. It is
    ``over`` when it is up again, or for what ``words`` say.
    """

    job: int
    begun: float
    limit: float
    by: str = ""
    first_failed: float = 0.0
    heard: tuple[int, ...] = ()
    confirmed: float = 0.0
    alerted: float = 0.0
    told: str = ""
    ended: float = 0.0
    over: float = 0.0
    recovered: bool = False
    words: str = ""

    @property
    def failing(self) -> bool:
        """Whether workers tell the job as failed."""
        return not (self.ended or self.over)

    @property
    def state(self) -> str:
        """How far it is, in one word."""
        if self.over:
            return "done" if self.confirmed and self.recovered else "failed"
        return "failing" if self.failing else "recovering"


def drilled(result: Result) -> Result:
    """Return *result* as it is told in a drill: failed, and saying why.

    What really failed, or could not tell, stays as it is.
    """
    if result.outcome is not Outcome.OK:
        return result
    return replace(
        result,
        outcome=Outcome.FAILED,
        reason=REASON,
        detail=DETAIL,
        flags=(result.flags & ~_WARN) | _DRILL,
    )


def is_drill(result: Result) -> bool:
    """Tell whether *result* was told as failed on purpose."""
    return bool(result.flags & _DRILL)


def hear(drill: Drill, worker: int, now: float) -> Drill:
    """Return *drill* after *worker* told the job as failed on purpose."""
    if worker in drill.heard:
        return drill
    heard = tuple(sorted({*drill.heard, worker}))
    return replace(drill, heard=heard, first_failed=drill.first_failed or now)


def confirm(drill: Drill, now: float) -> Drill:
    """Return *drill* when the job is down: from now on it is told as it is."""
    return replace(drill, confirmed=now, ended=drill.ended or now)


def alert(drill: Drill, now: float, channel: str) -> Drill:
    """Return *drill* when the first people were told of it, over *channel*."""
    return drill if drill.alerted else replace(drill, alerted=now, told=channel)


def stop(drill: Drill, now: float, words: str) -> Drill:
    """Return *drill* when it may fail no longer, though it was not confirmed."""
    return replace(drill, ended=now, words=words)


def finish(drill: Drill, now: float, words: str, *, recovered: bool) -> Drill:
    """Return *drill* when it is over, for better or worse."""
    ended = drill.ended or now
    words = words or drill.words
    return replace(drill, ended=ended, over=now, recovered=recovered, words=words)
