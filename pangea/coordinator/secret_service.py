"""The cluster's secrets as the web sees them (``pangea.web.api_secrets``)."""

from pangea.mesh import rotation
from pangea.web.api_secrets import (
    FinishBody,
    HolderAnswer,
    SecretAnswer,
    SecretsAnswer,
)
from pangea.web.schema import moment

from .coordinator import Coordinator


class SecretService:
    """Each step answers with how things are after it."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._board = coordinator.board
        self._rotation = coordinator.rotation

    async def status(self) -> SecretsAnswer:
        """Return how far a rotation is."""
        turn = self._rotation
        return SecretsAnswer(
            stage=rotation.stage(turn.ring),
            secrets=[
                SecretAnswer(id=s.id, state=s.state.value, created=_at(s.created))
                for s in turn.ring.all
            ],
            workers=self._holders(),
            stragglers=[worker.name for worker in turn.stragglers()],
            deadline=_at(turn.deadline) if turn.deadline else None,
        )

    async def start(self) -> SecretsAnswer:
        """Make the next secret."""
        await self._rotation.start()
        return await self.status()

    async def use(self) -> SecretsAnswer:
        """Make the next secret the current one."""
        await self._rotation.use()
        return await self.status()

    async def finish(self, body: FinishBody) -> SecretsAnswer:
        """Drop the old secret, or say when; Conflict names the stragglers."""
        await self._rotation.finish(force=body.force, within_s=body.within_s)
        return await self.status()

    def _holders(self) -> list[HolderAnswer]:
        return [
            HolderAnswer(
                worker=worker.name,
                connected=worker.id in self._board.connected,
                secret=self._rotation.seen_on(worker.id) or None,
                last_seen=_at(seen) if seen else None,
            )
            for worker in sorted(self._board.workers.values(), key=lambda w: w.name)
            if worker.state == "approved"
            for seen in (self._board.seen.get(worker.id) or worker.last_seen_us / 1e6,)
        ]


def _at(seconds: float) -> str:
    return moment(round(seconds * 1e6))
