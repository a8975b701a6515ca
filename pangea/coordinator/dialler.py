"""Workers that the coordinator dials, because they may open no connection to it."""

import asyncio
import logging
import random
from contextlib import suppress

import msgspec
from msgspec import Struct

from pangea.core.clock import Clock
from pangea.core.errors import (
    Conflict,
    NotFound,
    PangeaError,
    ProtocolError,
    StorageError,
    UsageError,
)
from pangea.core.text import safe_text
from pangea.mesh.backoff import reconnect_delay
from pangea.mesh.channel import Channel
from pangea.mesh.dial import Address, dial, parse_join
from pangea.mesh.handshake import CheckPeer
from pangea.mesh.identity import node_id
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import Link
from pangea.mesh.refusal import Refusal, Refused
from pangea.storage import settings
from pangea.storage.database import Store

from .admission import Admission
from .reception import Reception

log = logging.getLogger(__name__)

SETTING = "dials"
#: Addresses that are remembered.
MOST = 256
LOOK_S = 1.0
#: A link that lived so long was a good one: the next wait is short again.
GOOD_S = 10.0
#: So long after the handshake the worker is known, or something is wrong.
KNOWN_S = 10.0


class Dial(Struct, frozen=True):
    """An address to dial, and the key (hex) of the worker that is there."""

    address: str
    key: str
    by: str = ""
    added_us: int = 0


class Dialler:
    """Keeps a link to each worker that was dialled once; ``run`` until cancelled.

    ``dials`` are remembered in the database, ``trouble`` says of an address why there
    is no link now. When it is ``stopping`` nobody is dialled any more.
    """

    def __init__(
        self, reception: Reception, admission: Admission, store: Store, clock: Clock
    ) -> None:
        self.dials: dict[str, Dial] = {}
        self.trouble: dict[str, str] = {}
        self.stopping = False
        self._reception = reception
        self._admission = admission
        self._store = store
        self._clock = clock
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._hosts: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._news.set()

    async def load(self) -> None:
        """Take up the addresses of the last run."""
        kept = await self._store.read(lambda: settings.get(SETTING))
        try:
            dials = msgspec.json.decode(kept or "[]", type=list[Dial])
            self.dials = {dial.address: dial for dial in dials}
        except msgspec.DecodeError as error:
            log.warning("forgot which workers to dial: %s", error)

    async def run(self) -> None:
        """Dial whoever is not here, until cancelled."""
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                self._follow()
        finally:
            tasks = [*self._keepers.values(), *self._hosts]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def dial(self, text: str, by: str) -> Dial:
        """Dial the worker at *text* now, remember the address, and keep it linked.

        Raises UsageError, Unreachable if nobody answers, and Conflict if who answers
        refuses or is refused; nothing is remembered then.
        """
        address = address_of(text)
        if len(self.dials) >= MOST and str(address) not in self.dials:
            raise Conflict(
                f"{MOST} addresses are dialled already",
                hint="pangea worker dial --forget ADDR",
            )
        known = self.dials.get(str(address))
        try:
            channel, link = await self._connect(address, known)
        except ProtocolError as error:
            raise Conflict(f"{address}: {error}", hint=_hint(error)) from error
        made = Dial(
            str(address), link.peer_key.hex(), by, round(self._clock.wall() * 1e6)
        )
        host = self._host(channel, link, address)
        await self._let_in(link.peer_key, host)
        await self._keep_in_mind(self.dials | {made.address: made})
        return made

    async def forget(self, text: str) -> None:
        """Dial *text* no more; a link that stands stays. Raises NotFound."""
        address = str(address_of(text))
        if address not in self.dials:
            raise NotFound(
                f"{safe_text(address, 80)} is not dialled",
                hint="see the column DIALLED of `pangea worker list -o wide`",
            )
        left = {a: dial for a, dial in self.dials.items() if a != address}
        await self._keep_in_mind(left)

    def at(self, key: bytes) -> str:
        """Return where the worker with *key* is dialled, or ""."""
        wanted = key.hex()
        return next((a for a, d in self.dials.items() if d.key == wanted), "")

    async def _keep_in_mind(self, dials: dict[str, Dial]) -> None:
        packed = msgspec.json.encode(list(dials.values())).decode()
        await self._store.write(lambda: settings.put(SETTING, packed))
        self.dials = dials
        self._news.set()

    async def _let_in(self, key: bytes, host: asyncio.Task[None]) -> None:
        """Wait until the worker with *key* is in, or waits for a person."""
        with suppress(TimeoutError):
            async with asyncio.timeout(KNOWN_S):
                while not host.done():
                    worker = self._reception.known(key)
                    if worker and self._reception.is_here(worker, directly=True):
                        return
                    await asyncio.sleep(0.02)
        worker = self._reception.known(key)
        if worker is None or worker.state not in ("approved", "pending"):
            raise Conflict(
                f"node {node_id(key)} answers, but is not let in",
                hint="the log of the coordinator says why",
            )

    def _host(
        self, channel: Channel, link: Link, address: Address
    ) -> asyncio.Task[None]:
        """Serve *link* to its end, in a task of its own."""
        work = self._reception.host(channel, link, address.host)
        host = asyncio.create_task(work, name=f"dialled {address}")
        self._hosts.add(host)
        host.add_done_callback(self._hosts.discard)
        return host

    def _follow(self) -> None:
        for address in self._keepers.keys() - self.dials.keys():
            self._keepers.pop(address).cancel()
            self.trouble.pop(address, None)
        for address in self.dials.keys() - self._keepers.keys():
            name = f"keep {address}"
            task = asyncio.create_task(self._keep(address), name=name)
            self._keepers[address] = task

    async def _keep(self, where: str) -> None:
        """See to it that the worker at *where* is linked."""
        address, attempt = parse_join(where), 0
        while True:
            await asyncio.sleep(LOOK_S + reconnect_delay(attempt, random.random))
            dial = self.dials.get(where)
            if dial is None or await self._is_settled(dial):
                attempt = 0
                continue
            begun = self._clock.monotonic()
            try:
                channel, link = await self._connect(address, dial)
            except (PangeaError, TimeoutError) as error:
                self._complain(where, error)
                attempt += 1
                continue
            self.trouble.pop(where, None)
            # The link outlives the keeper: what is forgotten stays until it ends.
            await asyncio.wait([self._host(channel, link, address)])
            lived_s = self._clock.monotonic() - begun
            attempt = 0 if lived_s > GOOD_S else attempt + 1

    async def _is_settled(self, dial: Dial) -> bool:
        """Tell whether there is nothing to do: it is here, or shall not come."""
        if self.stopping:
            return True
        key = bytes.fromhex(dial.key)
        if key in self._admission.revoked:
            log.info("%s is dialled no more: its worker was revoked", dial.address)
            with suppress(StorageError):
                await self.forget(dial.address)
            return True
        worker = self._reception.known(key)
        return worker is not None and self._reception.is_here(worker, directly=True)

    def _complain(self, where: str, error: Exception) -> None:
        """Log why there is no link, but not the same again at every try."""
        text = safe_text(error, 200)
        level = logging.DEBUG if self.trouble.get(where) == text else logging.WARNING
        self.trouble[where] = text
        log.log(level, "no link to the worker at %s: %s", where, text)

    async def _connect(
        self, address: Address, known: Dial | None
    ) -> tuple[Channel, Link]:
        """Return a link by the first of our secrets that is not refused."""

        def check(key: bytes, info: NodeInfo) -> None:
            self._admission.check(key, info)
            if known and key.hex() != known.key:
                raise ProtocolError(
                    f"another node answers at {address}: {node_id(key)}",
                    hint=f"if it was replaced on purpose: pangea worker dial --forget "
                    f"{address}, and dial it again",
                )

        *others, last = self._admission.secrets
        for secret in others:
            try:
                return await self._shake(address, secret, check)
            except Refused as error:
                if error.reason is not Refusal.CLOSED:
                    raise
        return await self._shake(address, last, check)

    async def _shake(
        self, address: Address, secret: bytes, check: CheckPeer
    ) -> tuple[Channel, Link]:
        channel = await dial(address)
        return channel, await self._admission.call(channel, secret, check)


def _hint(error: ProtocolError) -> str:
    """Return what to do; what a handshake hints at is meant for who joins."""
    if isinstance(error, Refused) and error.reason is Refusal.CLOSED:
        return (
            "it holds another secret, belongs to another coordinator, or was told "
            "where to join and has not yet; its own log says which"
        )
    return error.hint


def address_of(text: str) -> Address:
    """Return the address of a worker; UsageError if it can be none."""
    address = parse_join(text)
    if address.tls:
        raise UsageError(
            f"{address} is no address of a worker: its port speaks no TLS",
            hint="write HOST or HOST:PORT; what is said there is sealed all the same",
        )
    return address
