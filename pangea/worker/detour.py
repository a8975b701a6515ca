"""The way to the coordinator through a peer, for when there is no other."""

import asyncio
import itertools
import logging
import random
from collections.abc import Callable

from pangea.core.errors import LinkClosed, ProtocolError
from pangea.core.seldom import Seldom
from pangea.core.text import safe_text
from pangea.mesh.circuit import CircuitChannel
from pangea.mesh.circuit_flow import Strays
from pangea.mesh.circuit_messages import CIRCUIT, OpenCircuit
from pangea.mesh.message import Message

from .peer_link import PeerLink
from .peers import Peers
from .roster_keeper import RosterKeeper

log = logging.getLogger(__name__)

#: So many rounds in a row without a coordinator, then peers are asked.
AFTER_ROUNDS = 3
#: A peer has so long to say that the coordinator has answered, in seconds.
ANSWER_S = 5.0
#: Peers beside our neighbours that are dialled for it, where no neighbour helps.
ALSO = 3
#: While we are relayed the direct way is tried again, after so many seconds; at
#: first after a share of that, which doubles: what was away may have just come back.
AGAIN_S = (30.0, 60.0)
FIRST_SHARE = 1 / 16


class Detour:
    """Asks peers for circuits; nothing is asked of them before there is need.

    *ready* tells whether we have been admitted before: a first join goes by no
    detour.
    """

    def __init__(
        self, peers: Peers, roster: RosterKeeper, own: bytes, ready: Callable[[], bool]
    ) -> None:
        self._peers = peers
        self._roster = roster
        self._own = own
        self._ready = ready
        self._rounds = 0
        self._share = FIRST_SHARE
        self._numbers = itertools.count(1)
        self._open: dict[tuple[PeerLink, int], CircuitChannel] = {}
        self._strays: dict[PeerLink, Strays] = {}
        self._refusals = Seldom()

    @property
    def _is_due(self) -> bool:
        """Whether the coordinator was out of reach for long enough."""
        known = self._roster.body is not None and self._ready()
        return known and self._rounds >= AFTER_ROUNDS

    def failed(self) -> None:
        """Note a round in which no coordinator was reached directly."""
        self._rounds += 1

    def direct(self) -> None:
        """Note that there is a direct link."""
        self._rounds = 0
        self._share = FIRST_SHARE
        self._peers.also(frozenset())

    def retry_s(self) -> float:
        """Return the seconds until the direct way shall be tried again."""
        share, self._share = self._share, min(1.0, 2 * self._share)
        return random.uniform(*AGAIN_S) * share

    def ways(self) -> list[PeerLink]:
        """Return the peers to ask for a circuit, the nearest first; none too early."""
        if not self._is_due:
            return []
        rtts = {state.key: state.rtt_us for state in self._peers.states()}
        links = sorted(
            self._peers.links.values(), key=lambda p: rtts.get(p.key) or 1 << 62
        )
        return [peer for peer in links if peer.link.speaks(OpenCircuit)]

    def none_helped(self) -> None:
        """Dial a few others, so that there are links to them by the next round."""
        if self._is_due:
            self._peers.also(frozenset(self._strangers()))

    def refused(self, peer: PeerLink, error: Exception) -> None:
        """Say why *peer* was no way; for the same reason not again and again."""
        name, now = safe_text(peer.name), asyncio.get_running_loop().time()
        if self._refusals.left_out(f"{name} {error}"[:200], now) is not None:
            log.info("no way to the coordinator by peer %s: %s", name, error)

    async def open(self, peer: PeerLink) -> CircuitChannel:
        """Return a circuit through *peer*; LinkClosed if it gives none."""
        number = next(self._numbers)
        channel = CircuitChannel(number, peer.say, lambda: self._forget((peer, number)))
        self._open[peer, number] = channel
        self._strays.pop(peer, None)
        try:
            await channel.open(ANSWER_S)
        except ProtocolError as error:
            raise LinkClosed(f"peer {peer.name} gives no circuit: {error}") from error
        except BaseException:
            channel.break_off("given up")
            raise
        return channel

    async def hear(self, peer: PeerLink, message: Message) -> bool:
        """Take *message* of a peer if it is about a circuit that we asked for."""
        if not isinstance(message, CIRCUIT) or message.circuit >= 0:
            return False
        if channel := self._open.get((peer, -message.circuit)):
            channel.hear(message)
        else:
            self._strays.setdefault(peer, Strays()).count(message)
        return True

    def parted(self, peer: PeerLink) -> None:
        """The link to *peer* has ended, and so have the circuits through it."""
        self._strays.pop(peer, None)
        for (through, _), channel in list(self._open.items()):
            if through is peer:
                channel.break_off(f"the link to peer {safe_text(peer.name)} has ended")

    def _forget(self, which: tuple[PeerLink, int]) -> None:
        self._open.pop(which, None)

    def _strangers(self) -> list[bytes]:
        """Return a few workers of the roster that we want no link to by themselves."""
        body = self._roster.body
        keys = (
            [node.key for node in body.nodes if node.role == "worker"] if body else []
        )
        known = {self._own, *(state.key for state in self._peers.states())}
        others = [key for key in keys if key not in known]
        return random.sample(others, min(ALSO, len(others)))
