"""The worker, wired: finds its coordinator, probes, reports, and never gives up."""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable

from pangea.background import plain
from pangea.core.clock import Clock
from pangea.core.errors import (
    NotAllowed,
    PangeaError,
    ProtocolError,
    StorageError,
)
from pangea.mesh.channel import Channel
from pangea.mesh.dial import Address, dial
from pangea.mesh.identity import Identity, node_id
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import Link, initiate
from pangea.mesh.messages import Introduce
from pangea.mesh.refusal import Refusal, Refused
from pangea.mesh.tls_binding import PLAIN
from pangea.probes.tools import Tools
from pangea.storage.spool import Spool
from pangea.vault import Vault

from .asked import Asked
from .calls import Call
from .clock_offset import ClockOffset
from .credentials import Credentials, Offer
from .detour import Detour
from .direct import Direct
from .disk import Disk
from .entrance import Displaced, Entrance
from .finder import Finder
from .lag import LagMeter
from .memory import Memory
from .mesh_side import MeshSide
from .prober import Prober
from .race import either, first_link, unless_called, until_better
from .redial import Redial
from .reporter import Reporter
from .self_test_start import StartWellness
from .session import FAREWELL_S, LAST_ACKS_S, Session
from .trust import Trust

log = logging.getLogger(__name__)

#: A run that is not over so long after `stop` is cancelled; what is left of it
#: and GOODBYE_S is for the last acks. All in all `stop` ends within 9 s.
PATIENCE_S = 4.5
GOODBYE_S = 1.5
#: A link that cannot be closed politely in so long is cut.
HANG_UP_S = 1.0
#: How long mDNS is listened to in one round, at least.
LOOK_S = 3.0

#: How a channel to a coordinator is opened, once for each credential.
Way = Callable[[], Awaitable[Channel]]


class Agent:
    """What a worker does: ``run``, beside it ``wellness.run``, and ``stop`` at last."""

    def __init__(
        self,
        identity: Identity,
        credentials: Credentials,
        info: NodeInfo,
        introduce: Introduce,
        *,
        spool: Spool,
        trust: Trust,
        finder: Finder,
        vault: Vault,
        clock: Clock,
        ca_file: str = "",
        offset: ClockOffset | None = None,
        mesh: MeshSide | None = None,
        wellness: StartWellness | None = None,
    ) -> None:
        self._mesh = mesh
        self._detour = mesh.detour if mesh else None
        self._calls = mesh.calls if mesh else None
        self._ca_file = ca_file
        self._identity = identity
        self._credentials = credentials
        self._info = info
        self._introduce = introduce
        self._spool = spool
        self._trust = trust
        self._finder = finder
        self._clock = clock
        self._tools = Tools()
        self.lag = LagMeter(clock)
        self._disk = Disk()
        self._offset = offset or ClockOffset(clock)
        self._memory = Memory(spool, vault, self._disk)
        self._reporter = Reporter(spool, self._disk, clock)
        self._prober = Prober(
            self._tools,
            clock,
            self._reporter.put,
            self.lag,
            self._memory.seen,
            self._offset.forget,
        )
        self._asked = Asked(self._tools, clock, self.lag)
        self.wellness = wellness and wellness(
            self._tools, self.lag, self._disk, lambda: self._session
        )
        if self.wellness:
            self._prober.weigh = self.wellness.weigh
        self._redial = Redial()
        self._direct = Direct(finder, self._redial, self._connect)
        if mesh:
            mesh.news = self._direct.news
        self._session: Session | None = None
        self._stopping = False

    async def run(self) -> None:
        """Probe and report until ``stop``.

        Raises NotAllowed if the very first coordinator refuses this worker.
        """
        self._prober.start()
        self._prober.replace_all(await self._memory.recall())
        await self._stay_linked()

    async def stop(self, *, patience_s: float = PATIENCE_S) -> None:
        """Finish what runs, spool it, deliver what can be, and leave."""
        self._stopping = True
        until = self._clock.monotonic() + patience_s + GOODBYE_S
        await self._prober.stop(patience_s)
        await self._reporter.close()
        await self._memory.keep(self._memory.version, self._prober.assignments.values())
        self._memory.close()
        if self._session:
            left = max(FAREWELL_S, until - self._clock.monotonic())
            await self._session.say_goodbye("shutting down", min(left, LAST_ACKS_S))
        self._disk.leaving = True
        await self._spool.close()
        await self._tools.close()

    async def _stay_linked(self) -> None:
        """Be with a coordinator; one that dials us comes before all else."""
        call: Call | None = None
        while not self._stopping:
            work = self._answer(call) if call else self._round()
            call = await unless_called(work, self._calls)

    async def _round(self) -> None:
        """Look everywhere once, and stay with who is found, or go by a detour."""
        if await self._try_all(self._finder.known()):
            await asyncio.sleep(self._redial.delay())
            return
        seconds = max(self._redial.delay(), LOOK_S)
        found = first_link(self._finder.look(seconds), self._connect, self._no_good)
        if won := await either(found, self._direct.meanwhile(seconds)):
            await self._settle(*won)
            await asyncio.sleep(self._redial.delay())
            return
        self._finder.nobody()
        if self._detour:
            self._detour.failed()
            await self._go_round(self._detour)

    async def _answer(self, call: Call) -> None:
        """Stay with the coordinator that has dialled us."""
        try:
            log.info("the coordinator dials us, from %s", call.address)
            self._trust.keep(call.link.peer_key)
            if self._detour:
                self._detour.direct()
            await self._serve(call.link)
        finally:
            call.over.set()

    async def _go_round(self, detour: Detour) -> None:
        """Stay with the coordinator through a peer, until there is a direct way."""
        ways = detour.ways()
        if ways and (won := await self._direct.now()):
            await self._settle(*won)
            return
        for peer in ways:
            try:
                link = await self._prove(functools.partial(detour.open, peer))
            except (PangeaError, TimeoutError) as error:
                detour.refused(peer, error)
                continue
            log.warning("the coordinator is out of reach; going by peer %s", peer.name)
            better = self._direct.again(detour.retry_s, LOOK_S)
            if won := await until_better(self._serve(link), better):
                log.info("the coordinator is in reach again at %s", won[0])
                await self._settle(*won)
            return
        detour.none_helped()

    async def _try_all(self, addresses: list[Address]) -> bool:
        """Try *addresses* in turn; True after one of them made a link."""
        for address in addresses:
            try:
                link = await self._connect(address)
            except (PangeaError, TimeoutError) as error:
                self._direct.failed(address, error)
                self._complain(error)
                continue
            await self._settle(address, link)
            return True
        return False

    def _no_good(self, address: Address, error: Exception) -> None:
        """An address that was found gave no link; nobody has vouched for it."""
        self._finder.tries.failed(address)
        log.info("found %s, but: %s", address, error)

    async def _settle(self, address: Address, link: Link) -> None:
        """Stay with the coordinator at *address*, and remember it, until it ends."""
        self._finder.tries.good(address)
        if self._detour:
            self._detour.direct()
        # Also where it was tried in the clear: from then on TLS is demanded.
        by_tls = link.prologue != PLAIN
        self._trust.keep(link.peer_key, str(address._replace(tls=by_tls)))
        await self._serve(link)

    async def _connect(self, address: Address) -> Link:
        """Return a link to the coordinator at *address*."""
        return await self._prove(lambda: dial(address, ca_file=self._ca_file))

    async def _prove(self, way: Way) -> Link:
        """Return a link by the first of our credentials that is not refused."""
        *others, last = self._credentials.offers()
        for offer in others:
            try:
                return await self._shake(way, offer)
            except Refused as error:
                if error.reason is not Refusal.CLOSED:
                    raise
                log.debug("refused there, trying the next credential: %s", error)
        try:
            return await self._shake(way, last)
        except Refused as error:
            hint = self._credentials.why_refused(error.hint)
            raise Refused(error.reason, str(error), hint=hint) from error

    async def _shake(self, way: Way, offer: Offer) -> Link:
        channel = await way()
        return await initiate(
            channel,
            self._identity,
            offer.secret,
            self._info,
            self._trust.check,
            clock=self._clock,
            prologue=channel.prologue,
            kind=offer.kind,
            hint=offer.hint,
        )

    async def _serve(self, link: Link) -> None:
        self._finder.met()
        self._session = Session(
            link,
            spool=self._spool,
            prober=self._prober,
            reporter=self._reporter,
            memory=self._memory,
            lag=self.lag,
            disk=self._disk,
            offset=self._offset,
            clock=self._clock,
            introduce=self._introduce,
            mesh=self._mesh,
            entrance=self._entrance(link),
            keep_secrets=self._credentials.keep,
            asked=self._asked,
            wellness=self.wellness,
        )
        begun = self._clock.monotonic()
        try:
            await self._session.run()
        except* ProtocolError as group:
            level = logging.INFO if self._stopping else logging.WARNING
            log.log(level, "link to the coordinator ended: %s", plain(group))
            if self._mesh and group.subgroup(Displaced):
                self._mesh.displaced()
        except* StorageError as group:
            level = logging.DEBUG if self._stopping else logging.ERROR
            log.log(level, "the link ends for the disk's sake: %s", plain(group))
        finally:
            lived_s = self._clock.monotonic() - begun
            self._redial.ended(lived_s, politely=self._session.dismissed)
            self._session = None
            await _hang_up(link)

    def _entrance(self, link: Link) -> Entrance:
        own_id = node_id(self._identity.public_key)
        name = self._info.name
        return Entrance(link, self._clock, self._credentials, own_id, name)

    def _complain(self, error: Exception) -> None:
        """Say why a try failed; at the very first join a refusal is final."""
        refused = isinstance(error, Refused) and error.reason is Refusal.CLOSED
        if refused and not self._trust.pinned:
            raise NotAllowed(str(error), hint=getattr(error, "hint", "")) from error
        hint = getattr(error, "hint", "")
        log.warning("%s%s", error, f" ({hint})" if hint else "")


async def _hang_up(link: Link) -> None:
    """Close *link*, with force if the coordinator does not take our last word."""
    for _ in range(2):
        try:
            async with asyncio.timeout(HANG_UP_S):
                await link.close()
                return
        except TimeoutError:
            log.debug("the coordinator does not take our last word")
