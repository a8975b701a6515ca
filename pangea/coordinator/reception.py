"""Workers come and go: from a channel of the mesh to a served link."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol

from msgspec.structs import replace

from pangea.core.clock import Clock
from pangea.core.errors import LinkClosed, PangeaError, ProtocolError
from pangea.core.model import Worker
from pangea.core.seldom import Seldom
from pangea.mesh.channel import Channel
from pangea.mesh.first_message import KIND_TOKEN
from pangea.mesh.link import Link
from pangea.mesh.messages import Heartbeat, Message, Welcome
from pangea.mesh.refusal import Refused
from pangea.mesh.session import Signer
from pangea.storage.database import Store
from pangea.web.events import Hub

from .admission import Admission
from .asking import Asking
from .board import Board
from .circuits import CircuitDesk
from .clock_marks import tell_jump
from .descriptions import Descriptions, same
from .dispatch import Dispatch
from .farewell import leave, say_goodbye, shut_out
from .intake import Intake
from .judging import Judging
from .mesh_desk import MeshDesk
from .moving import Moving
from .rotation import Rotation
from .twins import REFUSAL, Twins
from .waiting_room import WaitingRoom
from .watch import Watch
from .worker_link import WorkerLink

log = logging.getLogger(__name__)


class Hearer(Protocol):
    """What takes messages that are no business of the link itself."""

    def hear(self, link: WorkerLink, message: Message) -> bool:
        """Take *message*; False if it is none for this one."""
        ...


class Reception:
    """Holds the links of all workers; of two links of one worker the newer stays.

    *ring* returns the cluster's secrets as a worker stores them, for one that joins
    by a token.
    """

    def __init__(
        self,
        board: Board,
        store: Store,
        hub: Hub,
        clock: Clock,
        *,
        identity: Signer,
        admission: Admission,
        dispatch: Dispatch,
        intake: Intake,
        judging: Judging,
        watch: Watch,
        moving: Moving,
        ring: Callable[[], bytes] = bytes,
    ) -> None:
        self._board = board
        self._store = store
        self._hub = hub
        self._clock = clock
        self._admission = admission
        self._dispatch = dispatch
        self._intake = intake
        self._judging = judging
        self._watch = watch
        self._moving = moving
        self._ring = ring
        self.links: dict[int, WorkerLink] = {}
        #: Others that understand what workers say.
        self.hearers: list[Hearer] = []
        self.descriptions = Descriptions(board, store)
        self.rotation = Rotation(board, self.links, store, clock)
        self.mesh = MeshDesk(board, store, identity, hub, clock, links=self.links)
        self.circuits = CircuitDesk(self.accept, clock)
        self.asking = Asking(board, clock, self.links)
        self.waiting = WaitingRoom(clock)
        self.twins = Twins()
        admission.forgotten = self.twins.forget
        self._boots: dict[int, str] = {}
        self._refusals = Seldom()

    async def accept(
        self,
        channel: Channel,
        address: str,
        admitted: Callable[[], None],
        via: int = 0,
    ) -> None:
        """Serve a channel of the mesh from its handshake to its end.

        *via* is the worker that carries it, 0 for a connection of its own.
        """
        async with self._to_its_end(channel, address):
            link = await self._admission.shake(channel)
            if via:
                self._check_carried(link, via)
            admitted()
            await self._enter(link, address, via)

    async def host(self, channel: Channel, link: Link, address: str) -> None:
        """Serve a *link* to a worker that was dialled at *address*, to its end."""
        async with self._to_its_end(channel, address):
            await self._enter(link, address)

    @asynccontextmanager
    async def _to_its_end(self, channel: Channel, address: str) -> AsyncIterator[None]:
        """Say why a link ended or was refused, and close *channel*."""
        try:
            yield
        except LinkClosed as error:
            log.info("link from %s ended: %s", address, error)
        except (PangeaError, TimeoutError) as error:
            self._tell_refused(address, error)
        finally:
            await channel.close()

    def _tell_refused(self, address: str, error: Exception) -> None:
        """Say why a link was refused; for the same reason not again and again."""
        reason = error.reason if isinstance(error, Refused) else error
        left_out = self._refusals.left_out(
            f"{address} {reason}"[:200], self._clock.monotonic()
        )
        if left_out is None:
            return
        more = f" ({left_out} more such lines were left out)" if left_out else ""
        log.warning("link from %s refused: %s%s", address, error, more)

    def known(self, key: bytes) -> Worker | None:
        """Return the worker with *key*, whatever was decided about it."""
        return next((w for w in self._board.workers.values() if w.key == key), None)

    def is_here(self, worker: Worker, *, directly: bool = False) -> bool:
        """Tell whether *worker* has a link or waits on one, by no other worker."""
        link = self.links.get(worker.id)
        linked = link is not None and not (directly and link.via)
        return linked or worker.id in self.waiting.inside

    def path(self, worker: int) -> str:
        """Return how a worker is linked: ``direct``, ``via`` whom, or "" if not."""
        link = self.links.get(worker)
        if link is None:
            return ""
        return f"via {self._board.voter(link.via)}" if link.via else "direct"

    def _check_carried(self, link: Link, via: int) -> None:
        """Nobody joins through another worker; who is in may come by one."""
        worker = self.known(link.peer_key)
        if worker is None or worker.state != "approved" or worker.id == via:
            raise ProtocolError("by a relay only workers of the roster come in")

    async def _enter(self, link: Link, address: str, via: int = 0) -> None:
        worker = await self._admission.admit(link, self.waiting.inside)
        await self._check_twin(link, worker, address)
        if worker.state == "pending":
            worker = await self._wait(link, worker)
        welcomed = await self._welcome(link, worker)
        welcomed.via = via
        await self._serve(welcomed, address)

    def _hear(self, link: WorkerLink, message: Message) -> bool:
        others: list[Hearer] = [self.circuits, self.mesh, self.asking]
        return any(other.hear(link, message) for other in others + self.hearers)

    async def goodbye(self, reason: str) -> None:
        """Take leave of all workers, at the same time and not for long."""
        links = list(self.links.values())
        await asyncio.gather(*(leave(link, reason) for link in links))

    def vitals(self, worker: int) -> Heartbeat | None:
        """Return the last heartbeat of a linked worker."""
        link = self.links.get(worker)
        return link.vitals if link else None

    async def cut(self, worker: Worker, reason: str) -> None:
        """End the links of *worker* now; a polite one stops probing first."""
        self.waiting.dismiss(worker.id, reason)
        link = self.links.get(worker.id)
        if link is None:
            return
        await shut_out(link, reason)
        link.refuse(reason)

    async def _check_twin(self, link: Link, worker: Worker, address: str) -> None:
        """Refuse a process while a later one with the same key is here."""
        boot, now = link.peer_info.boot, self._clock.monotonic()
        here = self._boots.get(worker.id, "")
        if not self.twins.may_come(worker.id, boot, here, address, now):
            log.error("worker %s: %s", worker.name, self.twins.proof(worker.id, now))
            self._tell(worker, connected=worker.id in self._board.connected)
            await say_goodbye(link, REFUSAL, twin=True)
            raise ProtocolError(f"worker {worker.name} is here twice; the later stays")

    async def _wait(self, link: Link, worker: Worker) -> Worker:
        """Return *worker* once a person has approved it."""
        self._boots[worker.id] = link.peer_info.boot
        self._tell(worker, connected=False)
        self._board.seen[worker.id] = self._clock.wall()
        try:
            return await self.waiting.wait(link, worker)
        finally:
            self._board.seen[worker.id] = self._clock.wall()
            self._forget_boot(worker, link)

    def _forget_boot(self, worker: Worker, link: Link) -> None:
        """Note that the process behind *link* is gone, unless another came since."""
        if self._boots.get(worker.id) == link.peer_info.boot:
            del self._boots[worker.id]

    async def _welcome(self, link: Link, worker: Worker) -> WorkerLink:
        marks = await self._admission.marks(worker)
        self._still_approved(worker)
        self._intake.know(worker.id, marks)
        ring = self._ring() if link.kind == KIND_TOKEN else b""
        await link.send(
            Welcome("approved", link.sid, worker.id, worker.name, marks, ring)
        )
        return WorkerLink(
            link,
            worker,
            marks,
            dispatch=self._dispatch,
            intake=self._intake,
            clock=self._clock,
            watch=self._watch,
            kept=self.rotation.heard,
            jumped=partial(tell_jump, self._hub),
        )

    async def _serve(self, link: WorkerLink, address: str) -> None:
        worker = self._still_approved(await link.introduce())
        await self.descriptions.keep(worker)
        link.worker = worker = self._still_approved(worker)
        before, boot = self.links.get(worker.id), link.link.peer_info.boot
        self.links[worker.id], self._boots[worker.id] = link, boot
        try:
            if before:
                await self._replace(before, link)
            await self._joined(worker)
            self.rotation.linked(link)
            link.others = self._hear
            self.mesh.joined(link, address)
            await link.serve()
        except* ProtocolError as group:
            log.info("worker %s: %s", worker.name, group.exceptions[0])
        finally:
            self.circuits.left(link)
            self.asking.left(link)
            self._dispatch.unlink(worker.id, link.outbox)
            if self.links.get(worker.id) is link:
                del self.links[worker.id]
                self._forget_boot(worker, link.link)
                self._left(worker, farewell=link.farewell)

    def _still_approved(self, said: Worker) -> Worker:
        """Return the worker as it is decided here, with what it *said* of itself."""
        known = self._board.workers[said.id]
        if known.state != "approved":
            raise ProtocolError(f"worker {known.name} is {known.state}")
        return replace(
            known,
            region=said.region or known.site,
            position=said.position,
            tags=said.tags,
            version=said.version,
            probes=said.probes,
            lacks=said.lacks,
        )

    async def _replace(self, before: WorkerLink, link: WorkerLink) -> None:
        """End the link *before*, and say why if another process takes its place."""
        if before.link.peer_info.boot != link.link.peer_info.boot:
            await say_goodbye(before.link, REFUSAL, twin=True)
        before.refuse("a newer link of the same worker took its place")

    async def _joined(self, worker: Worker) -> None:
        """A worker is there; if it is new or changed, jobs find their places anew."""
        known = self._board.workers[worker.id]
        # Meanwhile a person may have decided something about it.
        self._board.workers[worker.id] = worker = self._still_approved(worker)
        self._board.connected.add(worker.id)
        self._board.seen[worker.id] = self._clock.wall()
        self._watch.heard(worker.id)
        back = worker.id in self._board.gone
        self._board.gone.discard(worker.id)
        if back or not same(known, worker) or not known.probes:
            await self._moving.worker_changed(worker)
        log.info("worker %s is here", worker.name)
        self._tell(worker, connected=True)

    def _left(self, worker: Worker, *, farewell: bool) -> None:
        worker = self._board.workers.get(worker.id, worker)
        self._board.connected.discard(worker.id)
        self._watch.left(worker.id, farewell=farewell)
        self._board.seen[worker.id] = self._clock.wall()
        log.info("worker %s is gone", worker.name)
        self._tell(worker, connected=False)

    def _tell(self, worker: Worker, *, connected: bool) -> None:
        said = {"worker": worker.name, "connected": connected}
        self._hub.publish("worker", worker.org, said)
