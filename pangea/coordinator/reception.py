"""Workers come and go: from a channel of the mesh to a served link."""

import asyncio
import logging
from collections.abc import Callable

from msgspec.structs import replace

from pangea.core.clock import Clock
from pangea.core.errors import LinkClosed, PangeaError, ProtocolError
from pangea.core.model import Worker
from pangea.mesh.channel import Channel
from pangea.mesh.link import Link
from pangea.mesh.messages import Goodbye, Heartbeat, Welcome
from pangea.storage import workers as stored_workers
from pangea.storage.database import Store
from pangea.web.events import Hub

from .admission import Admission
from .board import Board
from .dispatch import Dispatch
from .intake import Intake
from .judging import Judging
from .worker_link import WorkerLink

log = logging.getLogger(__name__)

#: A worker that takes no goodbye within this time gets none.
GOODBYE_S = 2.0


class Reception:
    """Holds the links of all workers; of two links of one worker the newer stays."""

    def __init__(
        self,
        board: Board,
        store: Store,
        hub: Hub,
        clock: Clock,
        *,
        admission: Admission,
        dispatch: Dispatch,
        intake: Intake,
        judging: Judging,
    ) -> None:
        self._board = board
        self._store = store
        self._hub = hub
        self._clock = clock
        self._admission = admission
        self._dispatch = dispatch
        self._intake = intake
        self._judging = judging
        self.links: dict[int, WorkerLink] = {}

    async def accept(
        self, channel: Channel, address: str, admitted: Callable[[], None]
    ) -> None:
        """Serve a channel of the mesh from its handshake to its end."""
        try:
            link = await self._admission.shake(channel)
            admitted()
            await self._serve(await self._welcome(link))
        except LinkClosed as error:
            log.info("link from %s ended: %s", address, error)
        except (PangeaError, TimeoutError) as error:
            log.warning("link from %s refused: %s", address, error)
        finally:
            await channel.close()

    async def goodbye(self, reason: str) -> None:
        """Take leave of all workers, at the same time and not for long."""
        links = list(self.links.values())
        await asyncio.gather(*(self._leave(link, reason) for link in links))

    def vitals(self, worker: int) -> Heartbeat | None:
        """Return the last heartbeat of a linked worker."""
        link = self.links.get(worker)
        return link.vitals if link else None

    async def _welcome(self, link: Link) -> WorkerLink:
        worker, marks = await self._admission.admit(link)
        self._intake.know(worker.id, marks)
        await link.send(Welcome("approved", link.sid, worker.id, worker.name, marks))
        return WorkerLink(
            link,
            worker,
            marks,
            dispatch=self._dispatch,
            intake=self._intake,
            clock=self._clock,
        )

    async def _serve(self, link: WorkerLink) -> None:
        worker = await link.introduce()
        await self._store.write(lambda: stored_workers.update(worker))
        before = self.links.get(worker.id)
        self.links[worker.id] = link
        try:
            if before:
                before.refuse("a newer link of the same worker took its place")
            await self._joined(worker)
            await link.serve()
        except* ProtocolError as group:
            log.info("worker %s: %s", worker.name, group.exceptions[0])
        finally:
            self._dispatch.unlink(worker.id, link.outbox)
            if self.links.get(worker.id) is link:
                del self.links[worker.id]
                self._left(worker)

    async def _joined(self, worker: Worker) -> None:
        """A worker is there; if it is new or changed, jobs find their places anew."""
        known = self._board.workers.get(worker.id)
        self._board.workers[worker.id] = worker
        self._board.connected.add(worker.id)
        self._board.seen[worker.id] = self._clock.wall()
        if known is None or not _same(known, worker) or not known.probes:
            self._board.place_all()
            self._dispatch.update(self._board.jobs)
        await self._intake.note(self._judging.seat(self._board.jobs))
        log.info("worker %s is here", worker.name)
        self._tell(worker, connected=True)

    def _left(self, worker: Worker) -> None:
        self._board.connected.discard(worker.id)
        self._board.seen[worker.id] = self._clock.wall()
        log.info("worker %s is gone", worker.name)
        self._tell(worker, connected=False)

    def _tell(self, worker: Worker, *, connected: bool) -> None:
        said = {"worker": worker.name, "connected": connected}
        self._hub.publish("worker", worker.org, said)

    async def _leave(self, link: WorkerLink, reason: str) -> None:
        try:
            async with asyncio.timeout(GOODBYE_S):
                await link.link.send(Goodbye(reason))
                await link.link.close()
        except (TimeoutError, ProtocolError):
            log.debug("worker %s heard no goodbye", link.worker.name)


def _same(known: Worker, now: Worker) -> bool:
    return replace(known, last_seen_us=0) == replace(now, last_seen_us=0)
