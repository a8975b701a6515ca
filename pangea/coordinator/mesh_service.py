"""The mesh as the web sees it (``pangea.web.api_mesh``)."""

from pangea.core.model import Worker
from pangea.web.api_mesh import MeshAnswer
from pangea.web.schema import moment

from .coordinator import Coordinator
from .mesh_view import Pair

#: How we are called in the matrix, where a worker comes to us by a relay.
COORDINATOR = "coordinator"


class MeshService:
    """Translates the matrix; no decisions."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._view = coordinator.mesh.view
        self._reception = coordinator.reception
        self._board = coordinator.board

    async def pairs(self, org: int) -> list[MeshAnswer]:
        """Return every direction that was reported, by the names of both."""
        found = [answer(pair) for pair in self._view.pairs(org)]
        workers = [self._board.workers[n] for n in self._reception.links]
        carried = [w for w in workers if w.org == org and self._is_carried(w)]
        return sorted([*found, *map(self._by_relay, carried)], key=lambda a: a.name)

    def _is_carried(self, worker: Worker) -> bool:
        return self._reception.path(worker.id).startswith("via ")

    def _by_relay(self, worker: Worker) -> MeshAnswer:
        """Return how a worker comes to us that has no way of its own."""
        vitals = self._reception.vitals(worker.id)
        measured = vitals is not None and vitals.rtt_us > 0
        return MeshAnswer(
            source=worker.name,
            target=COORDINATOR,
            rtt_ms=vitals.rtt_us / 1000 if vitals and measured else None,
            loss=0.0,
            offset_ms=vitals.offset_us / 1000 if vitals and measured else None,
            at=moment(round(self._board.seen.get(worker.id, 0.0) * 1e6)),
            path=self._reception.path(worker.id),
            one_way=False,
            reason="it does not reach the coordinator directly",
        )


def answer(pair: Pair) -> MeshAnswer:
    """Return one direction; without a link there is nothing to measure."""
    state = pair.seen.state
    measured = state.linked and state.rtt_us > 0
    return MeshAnswer(
        source=pair.source.name,
        target=pair.target.name,
        rtt_ms=state.rtt_us / 1000 if measured else None,
        loss=state.loss if state.linked else 1.0,
        offset_ms=state.offset_us / 1000 if measured else None,
        at=moment(round(pair.seen.at * 1e6)),
        path=state.path if state.linked else None,
        one_way=pair.one_way,
        reason=pair.reason or state.dial,
    )
