"""The coordinator's part of the mesh: the roster, the matrix, and asking peers."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Protocol

from pangea.core.clock import Clock
from pangea.core.errors import ProtocolError
from pangea.core.liveness import Presence, Sight
from pangea.core.model import Worker
from pangea.core.witnesses import (
    ANSWER_S,
    SHOWN_S,
    WITNESSES,
    doubtful,
    whose_word,
    witnesses,
)
from pangea.mesh.messages import Message
from pangea.mesh.peer_messages import AskPeer, PeerReport, PeerSaid
from pangea.mesh.session import Signer
from pangea.storage.database import Store
from pangea.web.events import Hub

from .board import Board
from .mesh_view import MeshView
from .roster import RosterOffice
from .worker_link import WorkerLink

log = logging.getLogger(__name__)

LOOK_S = 1.0
#: Workers that are asked about at the same time; if more are silent it is us.
MOST_AT_ONCE = 32
#: Reports that a worker may send at once, and how fast it earns more.
BURST, EARN_S = 20.0, 2.0


class Watcher(Protocol):
    """Who knows which workers are there."""

    @property
    def sights(self) -> Mapping[int, Sight]:
        """What was seen of each worker."""
        ...

    def vouched(self, worker: int) -> None:
        """Note that a peer hears *worker*."""
        ...


class _Blind:
    """Sees nobody, so nobody is asked about."""

    sights: Mapping[int, Sight] = {}

    def vouched(self, worker: int) -> None:
        """Note nothing."""


class MeshDesk:
    """Takes what workers say of their peers; ``run`` until cancelled.

    ``roster`` issues the roster, ``view`` is the matrix, ``watch`` knows who is
    silent and is told who is heard by others.
    """

    def __init__(
        self,
        board: Board,
        store: Store,
        identity: Signer,
        hub: Hub,
        clock: Clock,
        *,
        links: Mapping[int, WorkerLink],
    ) -> None:
        self.roster = RosterOffice(board, store, identity, clock, links)
        self.view = MeshView(board)
        self._board = board
        self._hub = hub
        self._clock = clock
        self._links = links
        self.watch: Watcher = _Blind()
        self._asked: dict[int, float] = {}
        self._alive: dict[int, tuple[int, float]] = {}
        self._answers: dict[int, tuple[int, asyncio.Future[bool]]] = {}
        self._spent: dict[int, tuple[float, float]] = {}
        self._number = 0

    async def run(self) -> None:
        """Issue rosters, and ask the peers of who went silent."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.roster.run(), name="roster")
            tasks.create_task(self._look(), name="witnesses")

    def joined(self, link: WorkerLink, address: str) -> None:
        """Take up a new link, which came from *address*."""
        self._alive.pop(link.worker.id, None)
        if link.said is not None:
            self.roster.introduced(link, link.said, address)

    def hear(self, link: WorkerLink, message: Message) -> bool:
        """Take *message* of a worker if it is about peers; False if it is not."""
        match message:
            case PeerReport():
                self._spend(link.worker.id)
                self.view.take(link.worker.id, message, self._clock.wall())
            case PeerSaid():
                asked, answer = self._answers.get(message.number, (0, None))
                # Only who was asked may answer.
                if answer and asked == link.worker.id and not answer.done():
                    answer.set_result(message.heard)
            case _:
                return False
        return True

    def alive_via(self, worker: int) -> str:
        """Return the name of the peer that hears *worker* while we do not, or ""."""
        if self._hears(worker):
            return ""
        peer, at = self._alive.get(worker, (0, float("-inf")))
        if self._clock.monotonic() - at > SHOWN_S:
            return ""
        return self._board.voter(peer)

    def notices(self, worker: Worker) -> list[str]:
        """Return what a person should know of *worker* and its peers."""
        cut = self.view.one_way(worker.id) if worker.state == "approved" else []
        notices = [f"one direction to or from {name} is cut" for name in cut[:3]]
        if len(cut) > len(notices):
            notices.append(f"so it is with {len(cut) - len(notices)} others")
        if worker.id in self.view.stale:
            notices.append("its roster is stale: it takes no new peers")
        return notices

    async def ask(self, worker: Worker) -> int | None:
        """Ask two peers about *worker*; return the one that hears it, if any."""
        regions = {w.id: w.region for w in self._board.workers.values()}
        linked_to = [
            peer
            for peer in self.view.links_of(worker.id)
            if peer in self._links and self._links[peer].link.speaks(AskPeer)
        ]
        asked = witnesses(worker.id, linked_to, self.watch.sights, regions)
        heard = await asyncio.gather(*(self._ask(p, worker.key) for p in asked))
        return whose_word(zip(asked, heard, strict=True))

    def _hears(self, worker: int) -> bool:
        """Whether it speaks for itself: a link that stands in silence says nothing."""
        sight = self.watch.sights.get(worker)
        return sight is not None and sight.presence is Presence.LINKED

    async def _look(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                await asyncio.sleep(LOOK_S)
                # Answers are not waited for here: who goes silent next has no more
                # time than the one before it.
                for worker in self._silent():
                    tasks.create_task(self._vouch(worker), name="ask about a worker")

    def _silent(self) -> list[Worker]:
        """Return who is to be asked about now, and note it as asked about."""
        now = self._clock.monotonic()
        free = max(0, MOST_AT_ONCE - len(self._answers) // WITNESSES)
        silent = doubtful(self.watch.sights, self._asked, now)[:free]
        for number in silent:
            self._asked[number] = now
        known = [self._board.workers.get(number) for number in silent]
        return [w for w in known if w and w.state == "approved"]

    async def _vouch(self, worker: Worker) -> None:
        witness = await self.ask(worker)
        # It may have spoken itself meanwhile.
        if witness is None or self._hears(worker.id):
            return
        first = not self.alive_via(worker.id)
        self._alive[worker.id] = witness, self._clock.monotonic()
        self.watch.vouched(worker.id)
        if first:
            via = self._board.voter(witness)
            log.warning(
                "worker %s is unreachable from here, but alive: %s hears it",
                worker.name,
                via,
            )
            linked = worker.id in self._board.connected
            said = {"worker": worker.name, "connected": linked, "alive_via": via}
            self._hub.publish("worker", worker.org, said)

    async def _ask(self, peer: int, key: bytes) -> bool | None:
        link = self._links.get(peer)
        if link is None:
            return None
        self._number += 1
        number = self._number
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._answers[number] = peer, answer
        link.outbox.say(AskPeer(number, key))
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._answers[number]

    def _spend(self, worker: int) -> None:
        """Refuse a worker that reports much more than it needs to."""
        now = self._clock.monotonic()
        left, at = self._spent.get(worker, (BURST, now))
        left = min(BURST, left + (now - at) / EARN_S)
        if left < 1.0:
            raise ProtocolError("it reports of its peers far too often")
        self._spent[worker] = left - 1.0, now
