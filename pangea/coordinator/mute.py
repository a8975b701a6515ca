"""Which workers are linked, and say nothing of their health."""

from collections.abc import Mapping

from pangea.core.clock import Clock

from .worker_link import WorkerLink

#: A worker says how it is when its link opens; one that tests itself no more, or is
#: of an older version, never does.
SILENT_S = 20.0


class Mute:
    """Notes on which link each worker spoke; ``links`` are those that are open."""

    def __init__(self, links: Mapping[int, WorkerLink], clock: Clock) -> None:
        self._links, self._clock = links, clock
        self._spoke: dict[int, WorkerLink] = {}
        self._since: dict[int, tuple[WorkerLink | None, float]] = {}

    def heard(self, link: WorkerLink) -> None:
        """Note that a worker said how it is."""
        self._spoke[link.worker.id] = link

    def gone(self, worker: int) -> None:
        """Note that *worker* is not linked now, or nobody waits for its word."""
        self._since.pop(worker, None)

    def is_mute(self, worker: int) -> bool:
        """Tell whether *worker*, which is linked, has had its time to speak."""
        now, link = self._clock.monotonic(), self._links.get(worker)
        known, since = self._since.setdefault(worker, (link, now))
        if known is not link:
            self._since[worker], since = (link, now), now
        spoke = link is not None and self._spoke.get(worker) is link
        return not spoke and now - since > SILENT_S
