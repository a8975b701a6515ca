"""Which results do not count because their worker was unwell.

Pure. In a bad window what a worker says of failures is void; that a target answered
is proven all the same, if not how fast. For a target that must not answer it is the
other way round.
"""

import bisect
import itertools
from collections.abc import Iterable, Sequence

from msgspec import Struct

from .model import Flag, Job, Outcome, Result
from .self_test import concerns

#: So far may the times of a window and of a result be apart, in seconds.
MARGIN_S = 0.25
#: So many windows of a worker are kept, each for so long.
MOST = 100
KEPT_S = 7 * 86400.0
FOR_EVER = float("inf")

_SICK = int(Flag.SICK)


class SickWindow(Struct, frozen=True, order=True):
    """A stretch in which a worker was unwell, in UTC seconds of the coordinator.

    ``until`` is infinite while it goes on.
    """

    since: float
    until: float
    cause: str

    def covers(self, began: float, ended: float) -> bool:
        """Tell whether what ran between these moments was touched by it."""
        return self.since - MARGIN_S <= ended and began <= self.until + MARGIN_S


def may_be_void(result: Result, job: Job) -> bool:
    """Tell whether *result* says what an unwell worker may not say of *job*."""
    return result.outcome is (Outcome.OK if job.expect == "fail" else Outcome.FAILED)


def void(result: Result, job: Job, windows: Iterable[SickWindow]) -> str:
    """Return the cause why *result* does not count for *job*, "" if it does."""
    if not may_be_void(result, job):
        return ""
    began = result.started_at_us / 1e6
    ended = began + result.duration_ms / 1000
    for window in windows:
        if window.covers(began, ended) and concerns(
            window.cause, result, job.type, job.options
        ):
            return window.cause
    return "it felt unwell" if result.flags & _SICK else ""


def is_new(window: SickWindow, known: Iterable[SickWindow]) -> bool:
    """Tell whether *window* is none of those *known*, said again."""
    return all(abs(window.since - k.since) > MARGIN_S for k in known)


def joined(
    known: Sequence[SickWindow], said: Iterable[SickWindow], now: float
) -> list[SickWindow]:
    """Return what is known of a worker after it *said* at *now* what it remembers.

    A window that is said again with its end, or measured a little better, takes the
    place of the earlier one; one that it does not go on with is over. The oldest are
    forgotten.
    """
    windows, said = list(known), list(said)
    for window in said:
        windows = [w for w in windows if abs(w.since - window.since) > MARGIN_S]
        bisect.insort(windows, window)
    over = [w for w in windows if w.until == FOR_EVER and w not in said]
    windows = [_ended(w, now) if w in over else w for w in windows]
    for i, (window, after) in enumerate(itertools.pairwise(windows)):
        windows[i] = _ended(window, min(window.until, after.since))
    return [w for w in windows if w.until > now - KEPT_S][-MOST:]


def _ended(window: SickWindow, until: float) -> SickWindow:
    return SickWindow(window.since, max(window.since, until), window.cause)
