"""Issues the roster: who is approved, signed, numbered, and brought to all workers."""

import asyncio
import base64
import binascii
import logging
from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from pangea.core.clock import Clock
from pangea.core.errors import ProtocolError, StorageError, UsageError
from pangea.core.model import Worker
from pangea.mesh.dial import parse_join, show_address
from pangea.mesh.messages import Introduce
from pangea.mesh.peer_messages import Roster as RosterMessage
from pangea.mesh.roster import (
    LIFE_S,
    MAX_ADDRESSES,
    MAX_NODES,
    RosterBody,
    RosterNode,
    SignedRoster,
    fitting,
    sign_roster,
    unpack_roster,
)
from pangea.mesh.session import Signer
from pangea.storage import settings
from pangea.storage.database import Store

from .board import Board
from .worker_link import WorkerLink

log = logging.getLogger(__name__)

SETTING = "roster"
SIGNATURE_SIZE = 64
#: A roster is issued anew when half its life is over, changed or not.
RENEW_S = LIFE_S / 2
#: Changes that hurry no one are gathered for so long, and for each worker.
GATHER_S, GATHER_EACH_S, GATHER_MOST_S = 0.5, 0.02, 30.0
#: A worker that says it holds a newer version than ours is believed so often.
HEAL_S = 60.0
#: A version is about the time in milliseconds. What a worker claims to hold is believed
#: so far ahead of that (279 years): time goes faster than rosters are issued, so
#: after the largest lie a coordinator from a backup is told of what others hold still.
MOST_AHEAD = 1 << 43


class RosterOffice:
    """Keeps the roster true: call ``changed`` after anything that touches it.

    A revocation goes out at once, all else gathered. ``signed`` is the newest.
    """

    def __init__(
        self,
        board: Board,
        store: Store,
        identity: Signer,
        clock: Clock,
        links: Mapping[int, WorkerLink],
    ) -> None:
        self._board = board
        self._store = store
        self._identity = identity
        self._clock = clock
        self._links = links
        self._dirty = asyncio.Event()
        self._urgent = asyncio.Event()
        self._told: dict[bytes, tuple[str, ...]] = {}
        self._keys: set[bytes] = set()
        self._floor = 0
        self._heal_at = 0.0
        self._body: RosterBody | None = None
        self.signed: SignedRoster | None = None

    @property
    def version(self) -> int:
        """The version of the newest roster, 0 before the first."""
        return self._body.version if self._body else 0

    async def load(self) -> None:
        """Take up the number and the addresses of the last run."""
        kept = await self._store.read(lambda: settings.get(SETTING))
        body = _kept_body(kept or "")
        if body is not None:
            self._floor = body.version
            self._told = {node.key: node.addresses for node in body.nodes}
        self._dirty.set()

    def changed(self) -> None:
        """Note that a worker was approved, revoked, renamed or moved."""
        self._dirty.set()
        if self._keys - {worker.key for worker in self._approved()}:
            self._urgent.set()

    def introduced(self, link: WorkerLink, said: Introduce, address: str) -> None:
        """Note where the worker of *link* listens, and bring it what it lacks.

        *address* is where its link comes from.
        """
        key = link.worker.key
        told = told_addresses(said.port, said.addresses, address)
        if link.via:
            # From where it would come by itself is what was seen before.
            told = (*self._seen_before(key, said.port), *told)
            told = tuple(dict.fromkeys(told))[:MAX_ADDRESSES]
        self._told[key] = told
        # Perhaps nothing is new; that is seen when the changes are gathered.
        self._dirty.set()
        now = self._clock.monotonic()
        most = self._now_us() // 1000 + MOST_AHEAD
        if self.version < said.roster < most and now >= self._heal_at:
            log.warning(
                "worker %s holds roster %d, ours is %d: a restored backup?",
                link.worker.name,
                said.roster,
                self.version,
            )
            self._floor, self._heal_at = said.roster, now + HEAL_S
            self._body = None
            self._dirty.set()
        elif said.roster != self.version:
            self._send([link])

    def _seen_before(self, key: bytes, port: int) -> tuple[str, ...]:
        """Return where a worker was seen last, if its port is as it was then."""
        before = self._told.get(key, ())[:1]
        return tuple(text for text in before if parse_join(text).port == port)

    async def run(self) -> None:
        """Issue rosters as they are needed, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(RENEW_S / 2):
                    await self._dirty.wait()
            except TimeoutError:
                pass
            await self._gather()
            self._dirty.clear()
            self._urgent.clear()
            if self._is_due():
                await self._issue()

    async def _gather(self) -> None:
        """Wait for more changes, but not if somebody has to go."""
        if self._body is None:
            return
        wait = GATHER_S + GATHER_EACH_S * len(self._body.nodes)
        try:
            async with asyncio.timeout(min(wait, GATHER_MOST_S)):
                await self._urgent.wait()
        except TimeoutError:
            return

    def _is_due(self) -> bool:
        body = self._body
        if body is None or body.nodes != self._nodes():
            return True
        return self._now_us() - body.issued_us >= RENEW_S * 1e6

    async def _issue(self) -> None:
        now_us = self._now_us()
        version = max(self._floor + 1, now_us // 1000)
        self._floor = version
        body = RosterBody(
            version,
            now_us,
            now_us + round(LIFE_S * 1e6),
            (self._identity.public_key,),
            self._nodes(),
        )
        signed = sign_roster(body, self._identity)
        self._body, self.signed = body, signed
        self._keys = {node.key for node in body.nodes}
        self._send(self._links.values())
        log.debug("roster %d: %d workers", version, len(body.nodes))
        packed = base64.b64encode(signed.signature + signed.body).decode()
        try:
            await self._store.write(lambda: settings.put(SETTING, packed))
        except StorageError as error:
            log.warning("roster %d is not stored: %s", version, error)

    def _send(self, links: Iterable[WorkerLink]) -> None:
        """Tell *links* the roster, but nobody whose link is just being cut."""
        if self.signed is None:
            return
        message = RosterMessage(self.signed.body, self.signed.signature)
        for link in list(links):
            worker = self._board.workers.get(link.worker.id)
            if worker is None or worker.state != "approved":
                continue
            if link.link.speaks(RosterMessage):
                link.outbox.say(message)

    def _nodes(self) -> tuple[RosterNode, ...]:
        """Return the approved workers; a mesh that is too large loses its newest."""
        nodes = (
            RosterNode(
                worker.key,
                worker.name,
                "worker",
                self._told.get(worker.key, ()),
                worker.region,
            )
            for worker in self._approved()[:MAX_NODES]
        )
        return tuple(fitting(nodes))

    def _approved(self) -> list[Worker]:
        workers = sorted(self._board.workers.values(), key=lambda worker: worker.id)
        return [worker for worker in workers if worker.state == "approved"]

    def _now_us(self) -> int:
        return round(self._clock.wall() * 1e6)


def told_addresses(port: int, told: Iterable[str], source: str) -> tuple[str, ...]:
    """Return where a worker may be dialled, from what it says and is seen to be.

    Numbers only, each as ``host:port``, the address it was seen at first.
    """
    if not 1 <= port <= 65_535:
        return ()
    found = []
    for text in list(told)[:MAX_ADDRESSES]:
        try:
            address = parse_join(text[:80])
            number = ip_address(address.host)
        except (UsageError, ValueError):
            continue
        found.append(show_address(str(number), port))
    only_here = bool(found) and all(_is_loopback(text) for text in found)
    try:
        seen = show_address(str(ip_address(source)), port)
    except ValueError:
        seen = ""
    if seen and not only_here:
        found.insert(0, seen)
    return tuple(dict.fromkeys(found))[:MAX_ADDRESSES]


def _is_loopback(text: str) -> bool:
    return ip_address(parse_join(text).host).is_loopback


def _kept_body(kept: str) -> RosterBody | None:
    """Return the last roster; of one that cannot be read nothing is known."""
    try:
        packed = base64.b64decode(kept, validate=True)
        return unpack_roster(packed[SIGNATURE_SIZE:]) if packed else None
    except (binascii.Error, ProtocolError) as error:
        log.warning("the last roster is forgotten: %s", error)
        return None
