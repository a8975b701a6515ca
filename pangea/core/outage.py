"""When an outage began to be seen, and when it was believed.

``first_fail`` is the start of the first failing run of this outage: of all workers
that fail, each since some moment, those that followed each other within the life of
a vote. Who has failed for long before, alone and outvoted, did not see this outage.
``confirmed`` is when the verdict became ``down``. Times are seconds of UTC.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from .model import Verdict, VoteValue
from .verdict import Judgement, VoteChange
from .votes import BACK, LOST

#: Causes by which a vote only stops to count for a while, and counts again.
SUSPENDED = (LOST, BACK)


class Outage(Struct, frozen=True):
    """What is known of a job that fails somewhere.

    ``runs`` is since when each worker that fails has failed. ``first_fail`` and
    ``confirmed`` are 0 until the job is down; ``over`` is when it was up again, and
    ``after`` when it was up again before that.
    """

    runs: dict[int, float] = field(default_factory=dict)
    first_fail: float = 0.0
    confirmed: float = 0.0
    over: float = 0.0
    after: float = 0.0

    def __bool__(self) -> bool:
        """Whether there is anything to know."""
        return bool(self.runs or self.confirmed)


def follow(outage: Outage, judged: Judgement, lasts_s: float) -> Outage:
    """Return *outage* after *judged*; votes of its job count for *lasts_s*.

    It lasts until the job is up: what is unknown or degraded meanwhile is one.
    """
    if outage.over:
        outage = Outage(outage.runs, after=outage.over)
    held = judged.state.votes
    runs = {
        worker: since
        for worker, since in run_on(outage.runs, judged.changes).items()
        if worker in held and held[worker].value is VoteValue.FAILED
    }
    outage = replace(outage, runs=runs)
    change = judged.transition
    if change is None:
        return outage
    at = change.at_us / 1e6
    if change.after is Verdict.UP and outage.confirmed:
        return replace(outage, over=at)
    if change.after is Verdict.DOWN and not outage.confirmed:
        new = {w: since for w, since in runs.items() if since > outage.after}
        return replace(outage, first_fail=begun(new, lasts_s, at), confirmed=at)
    return outage


def run_on(
    runs: Mapping[int, float], changes: Iterable[VoteChange]
) -> dict[int, float]:
    """Return *runs* after *changes* of votes; who is lost a while fails on."""
    after = dict(runs)
    for change in changes:
        if change.after is VoteValue.FAILED:
            after.setdefault(change.worker, change.at_us / 1e6)
        elif change.cause not in SUSPENDED:
            after.pop(change.worker, None)
    return after


def begun(runs: Mapping[int, float], lasts_s: float, confirmed: float) -> float:
    """Return when the failing *runs* that led to *confirmed* began."""
    first = confirmed
    for number, since in enumerate(sorted(runs.values(), reverse=True)):
        if number and first - since > lasts_s:
            break
        first = min(first, since)
    return first
