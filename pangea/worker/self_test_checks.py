"""What a worker looks at to know whether it is well: one finding for each part."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Protocol

import dns.name
import dns.rcode
import dns.rdatatype
from msgspec import Struct

from pangea.core.clock import Clock
from pangea.core.config import SelfTestTable
from pangea.core.errors import ProtocolError
from pangea.core.failure import ProbeFailed, from_os_error
from pangea.core.liveness import SUSPECT_S
from pangea.core.self_test import CLOCK, COORDINATOR, GATEWAY, PEER, RESOLVER, Finding
from pangea.core.text import safe_text
from pangea.probes.base import Trace
from pangea.probes.dns_engine import PORT
from pangea.probes.dns_wire import Query
from pangea.probes.icmp_burst import Request
from pangea.probes.tools import Tools

from .disk import Disk
from .lag import LagMeter
from .peer_link import PeerLink
from .peers import Peers
from .routes import Route, gateways, is_far, is_neighbour, routes

#: Each check has so long.
CHECK_S = 1.0
#: So long the coordinator has for a word while the gateways are silent.
NUDGE_S = 0.7
#: All of it takes no longer.
TEST_S = CHECK_S + NUDGE_S
#: Pings of one check, one after the other until one is answered.
PINGS, PING_WAIT_S = 3, 0.3
#: Of so many peers the worker asks itself whether it hears them.
MOST_PEERS = 2
#: A clock that moved by so much was set, or the machine slept.
JUMP_S = 0.5
#: How a check ends that says nothing: we stop, or have no sockets left.
OURS = frozenset({"cancelled", "no_resources", "bug"})
#: What the link says of a gateway's address (ARP).
_KNOWS = {True: "knows it", False: "does not know it", None: "does not tell"}


class Standing(Struct, frozen=True):
    """How a link is: whence it is heard, and seconds since its last word."""

    address: str
    silent_s: float
    rtt_ms: float


class Linked(Protocol):
    """What is linked to the coordinator."""

    @property
    def standing(self) -> Standing:
        """How the link is, as far as we hear."""
        ...

    async def nudge(self) -> None:
        """Say something that is answered at once, and wait for a word."""
        ...


class Checks:
    """Everything that is looked at, once by ``run``; each thing has CHECK_S."""

    def __init__(
        self,
        table: SelfTestTable,
        tools: Tools,
        lag: LagMeter,
        disk: Disk,
        clock: Clock,
        *,
        link: Callable[[], Linked | None],
        peers: Peers | None = None,
    ) -> None:
        self._table = table
        self._tools = tools
        self._lag = lag
        self._disk = disk
        self._link = link
        self._clock = clock
        self._apart = clock.wall() - clock.monotonic()
        self._pinged: set[str] = set()
        self._peers = peers
        self._gateways: tuple[str, ...] = ()
        self._far = False

    async def run(self, found: Callable[[Finding], None]) -> list[Finding]:
        """Look at everything at once; *found* hears of each gateway as it comes."""
        known, begun = routes(), self._clock.monotonic()

        async def tell(looking: Awaitable[Finding]) -> Finding:
            finding = await looking
            found(finding)
            return finding

        gates = [tell(self._gateway(a, known)) for a in self._ways_out(known)]
        peers = [self._peer(peer, known) for peer in self._nearest()]
        told = await asyncio.gather(*gates, self._resolver(known), *peers)
        silent = [f for f in told if f.kind == GATEWAY and f.good is False]
        heard = await self._coordinator(known, begun if silent else None)
        return [*told, heard, *self._machine()]

    def _ways_out(self, known: list[Route]) -> tuple[str, ...]:
        """Return the gateways; those that were there, while there is no route."""
        if self._table.gateway:
            return (self._table.gateway,)
        self._gateways = tuple(r.gateway for r in gateways(known)) or self._gateways
        return self._gateways

    async def _gateway(self, address: str, known: list[Route]) -> Finding:
        """Ping a gateway; one that answers no ping is there if the link knows it."""
        name, begun = f"{GATEWAY} {address}", time.perf_counter()
        if not self._table.gateway and not gateways(known):
            return Finding(name, False, "there is no default route any more")
        try:
            answered = await self._answers(address)
        except ProbeFailed as failure:
            if failure.reason in OURS:
                return Finding(name, None, safe_text(failure.detail, 120))
            answered, why = False, safe_text(failure.detail, 120)
        else:
            why = "it answers no ping"
        took = _took_ms(begun)
        if answered or address in self._pinged:
            self._pinged.add(address)
            return Finding(name, answered, "" if answered else why, took)
        there = is_neighbour(address)
        return Finding(name, there, f"{why}, the link {_KNOWS[there]}", took)

    async def _answers(self, address: str) -> bool:
        """Tell whether one of a few pings is answered. Raises ProbeFailed."""
        for _ in range(PINGS):
            try:
                burst = self._tools.icmp.begin(Request(address, wait_s=PING_WAIT_S))
                try:
                    await burst.done
                finally:
                    burst.finish()
            except OSError as error:
                raise from_os_error(error, "pinging it") from error
            if burst.received:
                return True
        return False

    async def _resolver(self, known: list[Route]) -> Finding:
        """Ask a name server; any answer will do that it did not have to fetch."""
        begun, address = time.perf_counter(), self._table.resolver
        try:
            server = (address, PORT) if address else self._tools.dns.system_resolver()
        except ProbeFailed as failure:
            return Finding(RESOLVER, None, failure.detail)
        name, far = f"{RESOLVER} {server[0]}", is_far(server[0], known)
        query = Query(dns.name.from_text(self._table.name), dns.rdatatype.NS)
        try:
            async with asyncio.timeout(CHECK_S):
                answer = await self._tools.dns.ask(query, server, "udp", Trace())
        except TimeoutError:
            why = f"no answer within {CHECK_S:g} s"
        except ProbeFailed as failure:
            if failure.reason in OURS:
                return Finding(name, None, safe_text(failure.detail, 120))
            why = failure.detail
        except OSError as error:
            why = (error.strerror or str(error)).lower()
        else:
            # A forwarder on this machine says SERVFAIL when nothing answers it.
            good = answer.reply.rcode != dns.rcode.SERVFAIL
            detail = "" if good else "it answers SERVFAIL"
            return Finding(name, good, detail, _took_ms(begun), far)
        return Finding(name, False, safe_text(why, 120), _took_ms(begun), far)

    def _nearest(self) -> list[PeerLink]:
        links = self._peers.links.values() if self._peers else ()
        return sorted(links, key=lambda peer: (peer.mute, peer.name))[:MOST_PEERS]

    async def _peer(self, peer: PeerLink, known: list[Route]) -> Finding:
        """Ask a peer for a sign of life."""
        name, begun = f"{PEER} {peer.name}", time.perf_counter()
        there = self._peers and await self._peers.hears(peer.key, CHECK_S)
        detail = "" if there else f"silent for {peer.silent_s:.0f} s"
        far = is_far(peer.link.remote, known)
        return Finding(name, bool(there), detail, _took_ms(begun), far)

    async def _coordinator(self, known: list[Route], since: float | None) -> Finding:
        """Tell how the link to the coordinator is.

        With *since* only what was heard after that counts, and it is asked for: what
        came before a gateway broke is no proof that there is a way now.
        """
        linked = self._link()
        if linked is None:
            return Finding(COORDINATOR, False, "no link to it", 0.0, self._far)
        self._far = is_far(linked.standing.address, known)
        if since is not None and self._far:
            with suppress(TimeoutError, ProtocolError):
                async with asyncio.timeout(NUDGE_S):
                    await linked.nudge()
        link = linked.standing
        most = SUSPECT_S
        if since is not None and self._far:
            most = self._clock.monotonic() - since
        good = link.silent_s <= most
        detail = "" if good else f"silent for {link.silent_s:.0f} s"
        return Finding(COORDINATOR, good, detail, link.rtt_ms, self._far)

    def _machine(self) -> Iterable[Finding]:
        """Tell of the clock, the event loop and the disk."""
        apart = self._clock.wall() - self._clock.monotonic()
        by_s, self._apart = abs(apart - self._apart), apart
        moved = f"it was set, or the machine slept, by {by_s:.1f} s"
        yield Finding(CLOCK, by_s < JUMP_S, moved if by_s >= JUMP_S else "")
        held = "held up for half a second or more" if self._lag.blocked else ""
        yield Finding("loop", not held, held)
        trouble = self._disk.trouble
        yield Finding("disk", not trouble, trouble and safe_text(trouble, 120))


def _took_ms(begun: float) -> float:
    return (time.perf_counter() - begun) * 1000
