"""Who may join: a node that proves the cluster secret, and only as itself.

This is trust on first use: the first link of a key pins it. A revoked node is
refused before anything is said to it.
"""

import logging
import re
from collections.abc import Callable, Sequence

from pangea.core.clock import Clock
from pangea.core.errors import ProtocolError
from pangea.core.model import Worker
from pangea.core.text import safe_text
from pangea.mesh.channel import Channel
from pangea.mesh.identity import Identity, node_id
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import Link, respond
from pangea.mesh.replay import ReplayCache
from pangea.storage import ingest, workers
from pangea.storage.database import Store

from .board import Board

log = logging.getLogger(__name__)


class Admission:
    """Turns a channel into a link to a worker that is known by its key."""

    def __init__(
        self,
        board: Board,
        store: Store,
        identity: Identity,
        secrets: Callable[[], Sequence[bytes]],
        info: NodeInfo,
        clock: Clock,
    ) -> None:
        self._board = board
        self._store = store
        self._identity = identity
        self._secrets = secrets
        self._info = info
        self._clock = clock
        self._replays = ReplayCache()

    async def shake(self, channel: Channel) -> Link:
        """Return a link on which the peer has proven who it is."""
        return await respond(
            channel,
            self._identity,
            self._secrets(),
            self._info,
            self._check,
            self._replays,
            clock=self._clock,
            prologue=channel.prologue,
        )

    async def admit(self, link: Link) -> tuple[Worker, dict[str, int]]:
        """Return the worker behind *link* and what of it is stored already."""
        worker = self._known(link.peer_key)
        if worker is None:
            worker = await self._register(link)
        found = worker
        marks = await self._store.read(lambda: ingest.watermarks(found.id))
        return worker, marks

    def _known(self, key: bytes) -> Worker | None:
        return next((w for w in self._board.workers.values() if w.key == key), None)

    async def _register(self, link: Link) -> Worker:
        name = worker_name(link.peer_info.name)
        new = Worker(id=0, key=link.peer_key, name=name)
        worker = await self._store.write(lambda: workers.register(new))
        self._board.workers[worker.id] = worker
        log.info("worker %s joined for the first time: %s", name, node_id(worker.key))
        return worker

    def _check(self, key: bytes, info: NodeInfo) -> None:
        if info.role != "worker":
            raise ProtocolError(f"a {safe_text(info.role, 20)!r} may not join here")
        known = self._known(key)
        if known is not None and known.state != "approved":
            raise ProtocolError(f"worker {known.name} is {known.state}")


def worker_name(wanted: str) -> str:
    """Return *wanted* as a name that is safe everywhere, or ``worker``."""
    kept = re.sub(r"[^a-z0-9._-]+", "-", wanted.lower())
    return kept.strip("-._")[:63] or "worker"
