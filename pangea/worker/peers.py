"""The links of this worker to its peers: whom to dial, whom to let in."""

import asyncio
import functools
import logging
import random
from collections.abc import Callable, Sequence

from pangea.background import plain
from pangea.core.clock import Clock
from pangea.core.errors import LinkClosed, PangeaError, ProtocolError, Unreachable
from pangea.core.peer_stats import NO_ADDRESS, PeerState, PeerStats
from pangea.core.peering import dials_first, keeps_own, neighbours
from pangea.core.text import safe_text
from pangea.mesh.backoff import reconnect_delay
from pangea.mesh.channel import Channel
from pangea.mesh.dial import Address, dial
from pangea.mesh.identity import Identity, node_id
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import Link
from pangea.mesh.messages import Message
from pangea.mesh.peer_messages import Ping

from .calls import ROLE, Calls
from .peer_address import addresses_of_peer, can_reach
from .peer_link import Hear, PeerLink, seen_from_here
from .peer_proof import PeerProof
from .peer_rules import PeerRules
from .redial import GOOD_S
from .roster_keeper import RosterKeeper

log = logging.getLogger(__name__)

#: The one with the larger key leaves the dialling to the other for so long.
LATER_S = 3.0
#: Whether a peer that dialled us could also be dialled is tried so often.
REACH_FIRST_S, REACH_EVERY_S = 2.0, 600.0
DIAL_S = 5.0


class Peers:
    """Keeps a link to each neighbour; ``run`` until cancelled, ``accept`` beside it.

    ``links`` are those that stand, by key. *secrets* are the cluster's, the
    current one first; *near* tells whether loopback addresses of the roster are
    ours too. Who has more to say on peer links adds to ``others``, and hears by
    ``met`` that there is one more, by ``parted`` of each that has ended.
    """

    def __init__(
        self,
        identity: Identity,
        secrets: Callable[[], Sequence[bytes]],
        info: NodeInfo,
        roster: RosterKeeper,
        clock: Clock,
        *,
        near: Callable[[], bool],
    ) -> None:
        self.links: dict[bytes, PeerLink] = {}
        self.others: list[Hear] = []
        self.met: list[Callable[[], None]] = []
        self.parted: list[Callable[[PeerLink], None]] = []
        self.calls: Calls | None = None
        self._also: frozenset[bytes] = frozenset()
        self._proof = PeerProof(identity, secrets, info, clock)
        self._roster = roster
        self._clock = clock
        self._near = near
        self._own = identity.public_key
        self._wanted: frozenset[bytes] = frozenset()
        self._stats: dict[bytes, PeerStats] = {}
        self._dial_said: dict[bytes, str] = {}
        self._last_good: dict[bytes, Address] = {}
        self._keepers: dict[bytes, asyncio.Task[None]] = {}
        self._rules = PeerRules(roster)
        self._news = asyncio.Event()
        self._moved = asyncio.Condition()
        roster.changed.append(self._news.set)

    async def run(self) -> None:
        """Follow the roster: dial who is our neighbour, part from who is not."""
        self._news.set()
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                self._follow()
        finally:
            keepers, self._keepers = [*self._keepers.values()], {}
            for task in keepers:
                task.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)

    async def close(self) -> None:
        """Take leave of all peers."""
        await asyncio.gather(*(peer.link.close() for peer in [*self.links.values()]))

    async def accept(
        self, channel: Channel, address: str, admitted: Callable[[], None]
    ) -> None:
        """Serve a channel that came to our listener, if a peer is at its end."""
        try:
            link = await self._proof.answer(channel, self._check_caller)
            admitted()
            if self.calls and link.peer_info.role == ROLE:
                await self.calls.serve(link, address)
                return
            await self._serve(self._peer(link, dialled=False))
        except LinkClosed as error:
            log.debug("link from %s ended: %s", address, error)
        except (PangeaError, TimeoutError) as error:
            log.info("link from %s refused: %s", address, error)
        finally:
            await channel.close()

    def states(self) -> list[PeerState]:
        """Return how each neighbour and guest is seen from here."""
        keys, now = sorted({*self._wanted, *self.links}), self._clock.monotonic()
        tables = (self.links, self._stats, self._dial_said)
        return [seen_from_here(key, *tables, now) for key in keys]

    def also(self, keys: frozenset[bytes]) -> None:
        """Keep links to the workers with *keys* too, beside our neighbours."""
        if keys != self._also:
            self._also = keys
            self._news.set()

    def hush(self, *, quiet: bool = True) -> None:
        """Link to no peer, as another process does with our key; or again."""
        if quiet != self._rules.quiet:
            self._rules.quiet = quiet
            self._news.set()

    async def hears(self, key: bytes, seconds: float) -> bool:
        """Tell whether the peer with *key* gives a sign of life within *seconds*."""
        link = self.links.get(key)
        if link is None:
            return False
        try:
            async with asyncio.timeout(seconds):
                await link.ping()
                await link.heard.wait()
        except (TimeoutError, ProtocolError):
            return False
        return True

    def _follow(self) -> None:
        """Go by the roster as it is now."""
        body = None if self._rules.quiet else self._roster.body
        workers = [n for n in body.nodes if n.role == "worker"] if body else []
        graph = neighbours({node.key: node.region for node in workers})
        # A revoked worker is on no roster, and has no neighbours.
        self._wanted = graph.get(self._own, frozenset())
        if self._own in graph:
            self._wanted |= self._also & graph.keys() - {self._own}
        for key, link in list(self.links.items()):
            if self._rules.quiet:
                link.end("a later process has our key")
            elif self._roster.peer(key) is None or self._own not in graph:
                link.end("it is not on the roster any more")
            elif link.dialled and key not in self._wanted:
                link.end("it is not our neighbour any more")
        for key in self._keepers.keys() - self._wanted:
            self._keepers.pop(key).cancel()
        for key in self._wanted - self._keepers.keys():
            name = f"peer {node_id(key)[:6]}"
            self._keepers[key] = asyncio.create_task(self._keep(key), name=name)
        for table in (self._stats, self._dial_said, self._last_good):
            for key in table.keys() - self._wanted - self.links.keys():
                del table[key]
        self._rules.keep_only(self._wanted | self.links.keys())

    async def _keep(self, key: bytes) -> None:
        """See to it that there is a link to *key*, by whoever dials."""
        attempt, later = 0, 0.0 if dials_first(self._own, key) else LATER_S
        while True:
            await self._pause(key, random.random() + later)
            while key not in self.links:
                begun = self._clock.monotonic()
                await self._dial(key)
                if self._keepers.get(key) is not asyncio.current_task():
                    return  # a group that failed just then lost the cancellation
                lived = self._clock.monotonic() - begun > GOOD_S
                attempt = 0 if lived else attempt + 1
                await self._pause(key, reconnect_delay(attempt, random.random))
            await self._until_gone(key)
            attempt = 0

    async def _pause(self, key: bytes, seconds: float) -> None:
        """Wait, but not on if the peer has dialled us meanwhile."""
        async with self._moved:
            try:
                async with asyncio.timeout(seconds):
                    await self._moved.wait_for(lambda: key in self.links)
            except TimeoutError:
                return

    async def _until_gone(self, key: bytes) -> None:
        """Wait for the end of the link to *key*; see whether we could have dialled."""
        wait = REACH_FIRST_S
        while key in self.links:
            async with self._moved:
                try:
                    async with asyncio.timeout(wait * random.uniform(0.8, 1.2)):
                        await self._moved.wait_for(lambda: key not in self.links)
                        return
                except TimeoutError:
                    pass
            link, wait = self.links.get(key), REACH_EVERY_S
            if link and not link.dialled:
                self._dial_said[key] = await can_reach(self._addresses(key))

    async def _dial(self, key: bytes) -> None:
        """Make a link to *key*, and serve it to its end."""
        error: Exception = Unreachable(NO_ADDRESS)
        for address in self._addresses(key):
            try:
                peer = await self._connect(key, address)
            except (PangeaError, TimeoutError) as failed:
                log.debug("peer at %s: %s", address, failed)
                error = failed
                continue
            self._last_good[key] = address
            self._dial_said[key] = ""
            await self._serve(peer)
            return
        self._dial_said[key] = safe_text(str(error), 120)

    async def _connect(self, key: bytes, address: Address) -> PeerLink:
        def check(found: bytes, info: NodeInfo) -> None:
            if found != key:
                raise ProtocolError(f"another node answers at {address}")
            self._check(found, info)

        self._roster.check(key)
        way = functools.partial(dial, address, timeout=DIAL_S)
        link = await self._proof.offer(way, check)
        return self._peer(link, dialled=True)

    def _check_caller(self, key: bytes, info: NodeInfo) -> None:
        """Refuse who is neither a peer nor our coordinator."""
        if self.calls and info.role == ROLE:
            self.calls.check(key, info)
        else:
            self._check(key, info)

    def _check(self, key: bytes, info: NodeInfo) -> None:
        """Refuse who is no worker of the roster, and guests beyond their number."""
        guests = None if key in self._wanted else self.links.keys() - self._wanted
        self._rules.check(key, info, guests=guests)

    def _peer(self, link: Link, *, dialled: bool) -> PeerLink:
        node = self._roster.check(link.peer_key)
        return PeerLink(
            link,
            safe_text(node.name, 63),
            stats=self._stats.setdefault(link.peer_key, PeerStats()),
            dialled=dialled,
            path="direct",
            clock=self._clock,
            roster=self._roster,
            hear=self._hear,
        )

    async def _serve(self, peer: PeerLink) -> None:
        """Serve *peer* to its end, unless there is a better link to it."""
        try:
            if not peer.link.speaks(Ping):
                raise ProtocolError("it is too old to be a peer")
            await self._rules.check_order(peer, self.links.get(peer.key))
            await peer.open()
            if not self._place(peer):
                return
            if not peer.dialled:  # Whether we could is tried anew.
                self._dial_said.pop(peer.key, None)
            await self._tell_moved()
            await self._roster.met(peer.key)
            log.info("linked to peer %s", peer.name)
            for hear in self.met:
                hear()
            await peer.serve()
        except* ProtocolError as group:
            log.info("link to peer %s ended: %s", peer.name, plain(group))
        finally:
            if self.links.get(peer.key) is peer:
                del self.links[peer.key]
            for tell in self.parted:
                tell(peer)
            await self._tell_moved()
            await peer.link.close()

    def _place(self, peer: PeerLink) -> bool:
        """Make *peer* the link to its node; of two both sides keep the same one."""
        before = self.links.get(peer.key)
        if before is not None and before.boot == peer.boot:
            crossed = before.dialled != peer.dialled
            keep = keeps_own(self._own, peer.key, we_dialled=peer.dialled)
            if crossed and not keep:
                return False
        self.links[peer.key] = peer
        if before is not None:
            before.end("another link took its place")
        return True

    async def _tell_moved(self) -> None:
        async with self._moved:
            self._moved.notify_all()

    async def _hear(self, peer: PeerLink, message: Message) -> bool:
        for hear in self.others:
            if await hear(peer, message):
                return True
        return False

    def _addresses(self, key: bytes) -> list[Address]:
        node = self._roster.peer(key)
        found = addresses_of_peer(node, near=self._near()) if node else []
        good = self._last_good.get(key)
        return [good, *(a for a in found if a != good)] if good in found else found
