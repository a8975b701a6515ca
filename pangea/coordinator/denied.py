"""Failures that others denied: asked about once more if they go on.

A vote that stays failed is no change, so nobody else would look before its turn comes:
what began as one lost packet would hide an outage right after it.
"""

from collections.abc import Iterable, Iterator

from pangea.core.confirm import failing
from pangea.core.model import Flag, Outcome, Result
from pangea.core.verdict import JobState

_REPEAT = int(Flag.REPEAT)


class Denied:
    """Who fails what others did not, by job; empty once it was asked about again."""

    def __init__(self) -> None:
        self._who: dict[int, frozenset[int]] = {}

    def note(self, state: JobState) -> None:
        """Others were asked and did not agree; the second time nothing is noted."""
        self._who.setdefault(state.job, frozenset(failing(state)))

    def forget(self, job: int) -> None:
        """Nobody fails it any more, or all agree."""
        self._who.pop(job, None)

    def again(self, results: Iterable[Result]) -> Iterator[tuple[int, int]]:
        """Yield (job, worker) of those among *results* that fail it again."""
        for result in results:
            if result.outcome is not Outcome.FAILED or result.flags & _REPEAT:
                continue
            if result.worker in self._who.get(result.job, ()):
                self._who[result.job] = frozenset()
                yield result.job, result.worker
