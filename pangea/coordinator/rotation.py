"""Rotating the cluster's secret: to whom the ring goes, and who has kept it.

The ring is on the disk before anybody hears of it, and a worker tells that it has
kept one only when that is on its own disk. So whoever crashes, whenever, comes back
with a ring of which at least one secret is taken by the other side:

::

    crash after          the disk of the coordinator   a worker dials with   taken
    ───────────────────  ────────────────────────────  ────────────────────  ─────
    start, before push   current A, next B             A                     yes
    push, before keep    current A, next B             A                     yes
    use, before push     old A, current B              A, from its own ring  yes
    finish               current B                     B; A if it is a straggler,
                                                       which is what `finish` lists
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping

from pangea.core.clock import Clock
from pangea.core.errors import ConfigError, Conflict, ProtocolError, StorageError
from pangea.core.model import Worker
from pangea.mesh import rotation
from pangea.mesh.messages import Secrets
from pangea.mesh.ring_file import RingFile
from pangea.mesh.secret_ring import MAX_SECRETS, SecretRing, SecretState
from pangea.storage import secrets_kept
from pangea.storage.database import Store

from .board import Board
from .worker_link import WorkerLink

log = logging.getLogger(__name__)

#: What a secret can be called (``secret_ring.secret_id``); others' text is not shown.
_ID = re.compile(r"[0-9a-f]{1,16}")
#: Names in an error; all are in the answer of the API.
_SHOWN = 10


class Rotation:
    """Holds the ring of the cluster and brings it to the approved workers.

    ``file`` is the live ring (None: somebody else minds the secrets). ``changed``
    are called when other secrets count, ``finished`` when the old ones are gone and
    nobody who was revoked knows those that are left; ``deadline`` is wall time in
    seconds, 0 for none. ``changing`` is held during a step, from what it looks at to
    what it has told.
    """

    def __init__(
        self, board: Board, links: Mapping[int, WorkerLink], store: Store, clock: Clock
    ) -> None:
        self.file: RingFile | None = None
        self.changed: list[Callable[[], None]] = []
        self.finished: list[Callable[[], Awaitable[None]]] = []
        self.deadline = 0.0
        self.kept: dict[int, tuple[str, ...]] = {}
        self._board = board
        self._links = links
        self._store = store
        self._clock = clock
        self.changing = asyncio.Lock()
        self._noted = False

    @property
    def ring(self) -> SecretRing:
        """The ring now; Conflict if this coordinator holds none."""
        if self.file is None:
            raise Conflict("this coordinator does not keep the cluster's secrets")
        return self.file.ring

    async def load(self) -> None:
        """Read who had kept what, and until when the old secret may be used."""
        self.kept, self.deadline = await self._store.read(secrets_kept.load)

    def linked(self, link: WorkerLink) -> None:
        """A worker is there: note what it has proven, and bring it the ring."""
        if link.link.secret_id:
            self._note(link.worker.id, (link.link.secret_id,))
        self._bring(link)

    def heard(self, worker: int, ids: tuple[str, ...]) -> None:
        """Note that *worker* has kept the secrets *ids*, the current one first."""
        if not 1 <= len(ids) <= MAX_SECRETS or not all(map(_ID.fullmatch, ids)):
            raise ProtocolError("these are no ids of secrets")
        self._note(worker, ids)

    def stragglers(self) -> list[Worker]:
        """Return the approved workers not yet seen on the current secret, by name."""
        current = self.ring.current.id
        late = [
            worker
            for worker in self._board.workers.values()
            if worker.state == "approved" and self.seen_on(worker.id) != current
        ]
        return sorted(late, key=lambda worker: worker.name)

    def seen_on(self, worker: int) -> str:
        """Return the secret that *worker* dials with as far as we know, or ""."""
        return self.kept.get(worker, ("",))[0]

    async def start(self) -> None:
        """Make the next secret; one that a revoked worker may know is replaced."""
        async with self.changing:
            ring, now = self.ring, self._clock.wall()
            leaked = await self._known_to_revoked(ring, SecretState.NEXT)
            step = rotation.restarted if leaked else rotation.started
            after = step(ring, now)
            # Stored before: a ring knows whole seconds, and somebody may be revoked
            # in the very second in which the secret is made.
            at = {s.id: now for s in after.secrets if s.state is SecretState.NEXT}
            await self._store.write(lambda: secrets_kept.put_made(at))
            await self._change(after, "has a next secret")

    async def use(self) -> None:
        """Make the next secret the current one."""
        async with self.changing:
            ring = rotation.used(self.ring)
            if await self._known_to_revoked(ring, SecretState.CURRENT):
                raise Conflict(
                    "a worker was revoked since the next secret was made, "
                    "and may know it",
                    hint="make another one: pangea secret rotate start",
                )
            await self._change(ring, "is used from now on")

    async def finish(self, *, force: bool, within_s: float | None = None) -> None:
        """Drop the old secrets: now, or as soon as all workers have the current one.

        With *within_s* that is at the latest so many seconds from now. Raises
        Conflict with the stragglers if there are some, unless one of the two says
        what to do with them.
        """
        async with self.changing:
            after = rotation.finished(self.ring)
            late = self.stragglers()
            if late and not force and within_s is None:
                raise Conflict(
                    f"{_named(late)} not seen on the new secret yet",
                    hint="wait for them (--within 24h finishes by itself), or give "
                    "--force: then they rejoin with the new secret or a token",
                )
            if late and not force and within_s:
                await self._set_deadline(self._clock.wall() + within_s)
                return
            await self._finish(after, late)

    async def tick(self, now: float) -> None:
        """Write what was noted, and finish if that is due; *now* is wall time."""
        if self._noted:
            self._noted = False
            kept = dict(self.kept)
            await self._store.write(lambda: secrets_kept.put(kept))
        if not self.deadline or self.file is None:
            return
        async with self.changing:
            late = self.stragglers()
            if not self.deadline or (late and now < self.deadline):
                return
            try:
                after = rotation.finished(self.ring)
            except Conflict:
                await self._set_deadline(0.0)
                return
            await self._finish(after, late)

    async def _finish(self, after: SecretRing, late: list[Worker]) -> None:
        await self._change(after, "is the only one now")
        await self._set_deadline(0.0)
        if late:
            log.warning("%s left behind with an old secret", _named(late))
        if await self._known_to_revoked(after, SecretState.CURRENT):
            log.warning(
                "a worker was revoked after this secret was made and may know it: "
                "rotate once more"
            )
            return
        for tell in self.finished:
            await tell()

    async def _change(self, ring: SecretRing, what: str) -> None:
        """Keep *ring*, then bring it to everybody who is here."""
        file = self.file
        if file is None:
            raise Conflict("this coordinator does not keep the cluster's secrets")
        # Also if the caller is cancelled: what is on the disk must count.
        try:
            await asyncio.shield(asyncio.to_thread(file.replace, ring))
        except ConfigError as error:
            raise StorageError(str(error), hint=error.hint) from error
        log.info("the cluster's secret %s %s", ring.secrets[-1].id, what)
        for tell in self.changed:
            tell()
        for link in list(self._links.values()):
            self._bring(link)

    def _bring(self, link: WorkerLink) -> None:
        worker = self._board.workers.get(link.worker.id)
        if self.file is None or worker is None or worker.state != "approved":
            return
        if link.link.speaks(Secrets):
            link.outbox.say(Secrets(self.file.ring.json))

    def _note(self, worker: int, ids: tuple[str, ...]) -> None:
        if self.kept.get(worker) != ids:
            self.kept[worker] = ids
            self._noted = True

    async def _known_to_revoked(self, ring: SecretRing, state: SecretState) -> bool:
        """Tell whether somebody was revoked who may have been sent that secret."""
        made, last = await self._store.read(
            lambda: (secrets_kept.made(), secrets_kept.last_revoked())
        )
        asked = [s for s in ring.secrets if s.state is state]
        return any(made.get(s.id, s.created) <= last for s in asked)

    async def _set_deadline(self, at: float) -> None:
        await self._store.write(lambda: secrets_kept.put_deadline(at))
        self.deadline = at


def _named(workers: list[Worker]) -> str:
    names = [worker.name for worker in workers[:_SHOWN]]
    more = len(workers) - len(names)
    verb = "was" if len(workers) == 1 else "were"
    return ", ".join(names) + (f" and {more} more" if more else "") + f" {verb}"
