"""What a worker and its coordinator say to each other about peers."""

import asyncio
import logging
from collections.abc import Callable
from ipaddress import ip_address

from msgspec.structs import replace

from pangea.core.errors import ProtocolError
from pangea.core.peer_stats import PeerState, worth_telling
from pangea.mesh.dial import parse_join
from pangea.mesh.link import Link
from pangea.mesh.messages import Introduce, Message
from pangea.mesh.peer_messages import AskPeer, PeerReport, PeerSaid, Roster
from pangea.mesh.roster import SignedRoster
from pangea.web.server import Running

from .calls import Calls
from .clock_offset import ClockOffset
from .detour import Detour
from .listener import addresses_of
from .peers import Peers
from .relay import Relay
from .roster_keeper import RosterKeeper
from .trust import Trust

log = logging.getLogger(__name__)

REPORT_S = 10.0
FIRST_REPORTS_S = (1.5, 2.0, 4.0)
#: Every so many reports all is told, changed or not.
WHOLE_EVERY = 30
MOST_PEERS = 64
#: A peer that we are asked about has so long to give a sign of life.
SIGN_S = 1.5
#: Questions that may be worked on at once.
MOST_QUESTIONS = 8


class MeshSide:
    """Tells the coordinator how the peers are, and hears from it who they are.

    ``news`` is called when a peer came, or a newer roster: the coordinator may be
    in reach again. ``peers`` are the links to them.
    """

    def __init__(
        self,
        peers: Peers,
        roster: RosterKeeper,
        offset: ClockOffset,
        *,
        relay: Relay | None = None,
        detour: Detour | None = None,
        calls: Calls | None = None,
    ) -> None:
        self.running: Running | None = None
        self.detour = detour
        self.calls = calls
        self.news: Callable[[], None] = lambda: None
        peers.met.append(self._tell_news)
        roster.changed.append(self._tell_news)
        self._relay = relay
        self.peers = self._peers = peers
        self._roster = roster
        self._offset = offset
        self._told: dict[bytes, PeerState] = {}
        self._rosters: asyncio.Queue[Roster] = asyncio.Queue(4)
        self._questions: set[asyncio.Task[None]] = set()

    def _tell_news(self) -> None:
        self.news()

    def completed(self, introduce: Introduce) -> Introduce:
        """Return *introduce* with where we listen and which roster we hold."""
        return replace(
            introduce,
            port=self.running.port if self.running else 0,
            addresses=addresses_of(self.running),
            roster=self._roster.version,
        )

    async def serve(self, link: Link) -> None:
        """Report on *link*, and take rosters from it, until cancelled."""
        self._peers.hush(quiet=False)
        if not link.speaks(PeerReport):
            return
        if self._relay:
            self._relay.joined(link)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._report(link), name="peer reports")
                tasks.create_task(self._take(), name="rosters")
        finally:
            if self._relay:
                self._relay.left()

    def displaced(self) -> None:
        """Another process has our key, and came later: the peers are its own."""
        self._peers.hush()

    async def hear(self, link: Link, message: Message) -> bool:
        """Take *message* if it is about peers; False if it is not."""
        match message:
            case Roster():
                if self._rosters.full():
                    self._rosters.get_nowait()
                self._rosters.put_nowait(message)
            case AskPeer():
                self._ask(link, message)
            case _:
                return self._relay is not None and self._relay.hear_coordinator(message)
        return True

    async def _take(self) -> None:
        """Go by each roster, once it is known what time the coordinator has."""
        while True:
            said = await self._rosters.get()
            await self._offset.known()
            try:
                await self._roster.take(SignedRoster(said.body, said.signature))
            except ProtocolError as error:
                log.warning("the coordinator's roster is refused: %s", error)

    async def _report(self, link: Link) -> None:
        rounds, pauses = 0, iter(FIRST_REPORTS_S)
        while True:
            whole = rounds % WHOLE_EVERY == 0
            changed = self._changed(whole=whole)
            if changed or whole:
                stale = self._roster.stale
                await link.send(PeerReport(tuple(changed), whole, stale))
            rounds += 1
            await asyncio.sleep(next(pauses, REPORT_S))

    def _changed(self, *, whole: bool) -> list[PeerState]:
        """Return what is to be told now, and note it as told."""
        if whole:
            self._told.clear()
        states = {state.key: state for state in self._peers.states()[:MOST_PEERS]}
        gone = [PeerState(key, path="") for key in self._told.keys() - states.keys()]
        changed = [
            state
            for key, state in states.items()
            if worth_telling(self._told.get(key), state)
        ]
        self._told |= {state.key: state for state in changed}
        for state in gone:
            del self._told[state.key]
        return [*changed, *gone]

    def _ask(self, link: Link, asked: AskPeer) -> None:
        if len(self._questions) >= MOST_QUESTIONS:
            return
        task = asyncio.create_task(self._answer(link, asked), name="peer asked")
        self._questions.add(task)
        task.add_done_callback(self._questions.discard)

    async def _answer(self, link: Link, asked: AskPeer) -> None:
        heard = await self._peers.hears(asked.key, SIGN_S)
        try:
            await link.send(PeerSaid(asked.number, heard))
        except ProtocolError as error:
            log.debug("the answer about a peer was not heard: %s", error)


def is_near(trust: Trust) -> bool:
    """Tell whether the coordinator is on this machine, as far as we know."""
    for address in trust.addresses[:1]:
        host = parse_join(address).host
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"
    return False
