"""How often what a worker says of its health is taken: what changes much costs much."""

from pangea.core.model import Worker
from pangea.mesh.probe_messages import Health

#: What a worker says sooner after its last word waits, and after one that turned all
#: its votes for so long; of what waits the last is taken.
APART_S = 0.1
TURNED_S = 5.0


class Words:
    """Holds back what comes too soon; all times are monotonic, in seconds."""

    def __init__(self) -> None:
        self._free_at: dict[int, float] = {}
        self._waiting: dict[int, tuple[Worker, Health]] = {}

    def is_due(self, worker: Worker, said: Health, now: float) -> bool:
        """Tell whether to take what *worker* said; if not it is kept."""
        if now < self._free_at.get(worker.id, now):
            self._waiting[worker.id] = worker, said
            return False
        self._waiting.pop(worker.id, None)  # It is older than this.
        self._free_at[worker.id] = now + APART_S
        return True

    def turned(self, worker: int, now: float) -> None:
        """Let the next word of *worker* wait: its last one has cost much."""
        self._free_at[worker] = now + TURNED_S

    def due(self, now: float) -> list[tuple[Worker, Health]]:
        """Return what has waited for long enough, once."""
        found = [w for w in self._waiting if now >= self._free_at.get(w, now)]
        for worker in found:
            self._free_at[worker] = now + APART_S
        return [self._waiting.pop(worker) for worker in found]
