"""The roster that this worker goes by, kept in ``roster`` across restarts."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from pangea.core.errors import ConfigError, ProtocolError
from pangea.mesh.private_file import read_private, write_private
from pangea.mesh.roster import (
    MAX_BODY,
    RosterBody,
    RosterNode,
    SignedRoster,
    read_roster,
    unpack_roster,
)

log = logging.getLogger(__name__)

NAME = "roster"


class _Kept(Struct, frozen=True, array_like=True):
    """The file: the roster as it came, and the peers that we had links to."""

    body: bytes
    signature: bytes
    known: tuple[bytes, ...] = ()


class RosterKeeper:
    """Holds the newest roster of the pinned coordinator; ``take`` the next one.

    *coordinator* gives the pinned key, *now_us* the coordinator's time as well as
    it is known here; all of ``changed`` are called after each new roster.
    """

    def __init__(
        self,
        path: Path,
        coordinator: Callable[[], bytes | None],
        now_us: Callable[[], int],
    ) -> None:
        self._path = path
        self._coordinator = coordinator
        self._now_us = now_us
        self._saving = asyncio.Lock()
        self._by_key: dict[bytes, RosterNode] = {}
        self._known: set[bytes] = set()
        self.signed: SignedRoster | None = None
        self.body: RosterBody | None = None
        self.changed: list[Callable[[], None]] = []
        self._load()

    @property
    def version(self) -> int:
        """The version that we hold, 0 for none."""
        return self.body.version if self.body else 0

    @property
    def stale(self) -> bool:
        """Whether it has expired: those we know go on, no new ones."""
        return self.body is not None and self.body.expires_us <= self._now_us()

    def peer(self, key: bytes) -> RosterNode | None:
        """Return the worker with that key, if it is on the roster."""
        node = self._by_key.get(key)
        return node if node and node.role == "worker" else None

    def check(self, key: bytes) -> RosterNode:
        """Return the peer with that key; ProtocolError if it may have no link."""
        peer = self.peer(key)
        if peer is None:
            raise ProtocolError("it is not on the roster as a worker")
        if self.stale and key not in self._known:
            raise ProtocolError("the roster is stale, and it is new to us")
        return peer

    async def met(self, key: bytes) -> None:
        """Note that we had a link to that peer; it may have others when stale."""
        if key not in self._known:
            self._known.add(key)
            await self._save()

    async def take(self, signed: SignedRoster) -> bool:
        """Go by *signed* from now on; False if it is the one that we hold.

        Raises `ProtocolError` if it is forged, expired, or older than ours.
        """
        if self.signed == signed:
            return False
        pinned = self._coordinator()
        keys = [pinned] if pinned else []
        body = read_roster(signed, keys, now_us=self._now_us(), newest=self.version)
        if body.version == self.version:
            raise ProtocolError(f"two rosters of version {body.version}")
        self._use(signed, body)
        self._known &= self._by_key.keys()
        await self._save()
        log.debug("roster %d: %d nodes", body.version, len(body.nodes))
        for tell in self.changed:
            tell()
        return True

    def _use(self, signed: SignedRoster, body: RosterBody) -> None:
        self.signed, self.body = signed, body
        self._by_key = {node.key: node for node in body.nodes}

    async def _save(self) -> None:
        """Write the file; without, the coordinator sends it again after a restart."""
        if self.signed is None:
            return
        async with self._saving:
            kept = _Kept(self.signed.body, self.signed.signature, tuple(self._known))
            packed = msgspec.msgpack.encode(kept)
            try:
                await asyncio.to_thread(write_private, self._path, packed)
            except ConfigError as error:
                log.warning("%s", error)

    def _load(self) -> None:
        """Take up the roster of the last run; a damaged one is worth nothing."""
        pinned = self._coordinator()
        try:
            packed = read_private(self._path, most=2 * MAX_BODY)
            if packed is None or pinned is None:
                return
            kept = msgspec.msgpack.decode(packed, type=_Kept)
            signed = SignedRoster(kept.body, kept.signature)
            # At a time at which it held: those we know outlive it.
            issued_us = unpack_roster(signed.body).issued_us
            body = read_roster(signed, [pinned], now_us=issued_us)
        except (ConfigError, ProtocolError, msgspec.DecodeError) as error:
            log.warning("the roster in %s is not used: %s", self._path, error)
            return
        self._use(signed, body)
        self._known = set(kept.known) & self._by_key.keys()
