"""The mesh as the web sees it (``pangea.web.api_mesh``)."""

from pangea.web.api_mesh import MeshAnswer
from pangea.web.schema import moment

from .coordinator import Coordinator
from .mesh_view import Pair


class MeshService:
    """Translates the matrix; no decisions."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._view = coordinator.mesh.view

    async def pairs(self, org: int) -> list[MeshAnswer]:
        """Return every direction that was reported, by the names of both."""
        return [answer(pair) for pair in self._view.pairs(org)]


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
