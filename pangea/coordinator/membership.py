"""What a person decides about workers: in, out for ever, another name, no new jobs."""

import asyncio
import logging
import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pangea.core.errors import Conflict, NotFound, UsageError
from pangea.core.model import Job, Worker
from pangea.core.options import nearest
from pangea.core.text import safe_text
from pangea.mesh.identity import node_id, parse_node_id
from pangea.storage import workers

from .admission import worker_name

if TYPE_CHECKING:
    from .coordinator import Coordinator

log = logging.getLogger(__name__)

#: Of several with one name the first of these is meant.
ORDER = ("approved", "pending", "revoked")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class Membership:
    """Carries out decisions: in the database, on the board, on the links."""

    def __init__(self, coordinator: "Coordinator") -> None:
        self._c = coordinator
        self._board = coordinator.board
        self._store = coordinator.store
        self._turn = asyncio.Lock()

    def find(self, text: str, org: int) -> Worker:
        """Return the worker that has *text* as its id or its name; NotFound if none."""
        mine = [w for w in self._board.workers.values() if w.org == org]
        listed = [w for w in mine if w.state in ORDER]
        try:
            wanted = parse_node_id(text)
        except UsageError:
            wanted = ""
        if wanted:
            found = [w for w in listed if node_id(w.key) == wanted]
        else:
            found = [w for w in listed if w.name == text]
        if not found:
            names = [w.name for w in listed]
            hint = nearest(text, names) if names else "no worker has joined yet"
            raise NotFound(f"no worker {safe_text(text, 63)!r}", hint=hint)
        return min(found, key=lambda w: (ORDER.index(w.state), -w.id))

    async def approve(self, worker: Worker, by: str) -> Worker:
        """Let *worker* in, and let it have the credentials of its jobs."""
        async with self._turn:
            self._check_key(worker)
            changed = await self._decide(
                worker, state="approved", trusted=True, approved_by=by
            )
            log.info("worker %s was approved by %s", changed.name, by)
            self._c.reception.waiting.approve(changed)
            await self._everywhere(changed)
            return changed

    async def revoke(self, worker: Worker, by: str, reason: str) -> Worker:
        """Shut *worker* out at once, and its key for ever.

        Its links end before anything is written: also while the disk refuses.
        """
        if worker.key == self._c.admission.own_worker:
            raise Conflict(
                f"{worker.name} is this coordinator's own worker",
                hint="start the coordinator with --no-local-worker instead",
            )
        async with self._turn:
            self._c.admission.revoked.add(worker.key)
            gone = replace(worker, state="revoked", trusted=False, draining=False)
            self._take(gone)
            self._board.connected.discard(gone.id)
            await self._c.reception.cut(gone, "this worker was revoked")
            log.warning("worker %s was revoked by %s", gone.name, by)
            # A rotation that is just ending ends before this, or knows of it.
            async with self._c.rotation.changing:
                self._c.admission_mode.switch(gone.name)
                await self._store.write(
                    lambda: self._store_revocation(gone, by, reason)
                )
            await self._everywhere(gone)
            return gone

    async def rename(self, worker: Worker, name: str) -> Worker:
        """Call *worker* by another name; jobs that name it follow."""
        if not _NAME.fullmatch(name) or worker_name(name) != name:
            raise UsageError(
                f"{safe_text(name, 63)!r} is no name for a worker",
                hint="use a-z, 0-9, dot, dash and underscore, at most 63 of them",
            )
        self._check_present(worker)
        async with self._turn, self._c.changing:
            jobs = list(_following(self._board.jobs.values(), worker, name))
            renaming = partial(_store, worker.key, name=name, wanted_name="")
            await self._c.jobs.replace_all(jobs, renaming)
            known = self._board.workers[worker.id]
            changed = replace(known, name=name, wanted_name="")
            self._take(changed)
            for job in jobs:
                self._board.put_job(job)
            await self._c.changed([job.id for job in jobs])
            log.info("worker %s is called %s now", worker.name, name)
            await self._everywhere(changed)
            return changed

    async def drain(self, worker: Worker, *, draining: bool) -> Worker:
        """Give *worker* no new jobs, or again."""
        self._check_present(worker)
        async with self._turn:
            changed = await self._decide(worker, draining=draining)
            await self._everywhere(changed)
            return changed

    async def remove(self, worker: Worker) -> None:
        """Take *worker*, which is gone, from the list; its results stay.

        A revoked key stays revoked; another one may join anew.
        """
        linked = {*self._board.connected, *self._c.reception.waiting.inside}
        if worker.id in linked:
            raise Conflict(
                f"worker {worker.name} is connected",
                hint="stop it first, or shut it out: pangea worker revoke "
                f"{worker.name}",
            )
        async with self._turn:
            gone = await self._decide(
                worker, state="removed", trusted=False, draining=False
            )
            # It may have come back while this was written.
            await self._c.reception.cut(gone, "this worker was removed from the list")
            self._c.reception.twins.forget(gone.id)
            log.info("worker %s was removed from the list", gone.name)
            await self._everywhere(gone)

    async def _decide(self, worker: Worker, **changes: object) -> Worker:
        """Store *changes* of *worker*, then take them on the board."""
        await self._store.write(partial(_store, worker.key, **changes))
        changed = replace(self._board.workers[worker.id], **changes)
        self._take(changed)
        return changed

    def _store_revocation(self, worker: Worker, by: str, reason: str) -> None:
        at_us = round(self._c.clock.wall() * 1e6)
        workers.revoke(worker, at_us, by, reason)
        self._c.admission_mode.store_switch(worker.name)

    def _take(self, worker: Worker) -> None:
        self._board.workers[worker.id] = worker
        self._c.roster.changed()
        link = self._c.reception.links.get(worker.id)
        if link is not None:
            link.worker = worker

    async def _everywhere(self, worker: Worker) -> None:
        """Let the jobs find their places anew, and tell the open pages."""
        self._c.mesh.roster.changed()
        await self._c.moving.worker_changed(worker)
        said = {
            "worker": worker.name,
            "state": worker.state,
            "connected": worker.id in self._board.connected,
        }
        self._c.hub.publish("worker", worker.org, said)

    def _check_key(self, worker: Worker) -> None:
        if worker.state == "revoked" or worker.key in self._c.admission.revoked:
            raise Conflict(
                f"worker {worker.name} was revoked, and its key stays so",
                hint="remove its node.key, so that it joins as a new node",
            )

    def _check_present(self, worker: Worker) -> None:
        if worker.state not in workers.PRESENT:
            raise Conflict(f"worker {worker.name} was {worker.state}")


def _store(key: bytes, **changes: object) -> None:
    """Change what is stored of the worker with *key*, and only that."""
    stored = workers.by_key(key)
    if stored is None:
        raise NotFound("this worker is not stored")
    workers.save(replace(stored, **changes))


def _following(jobs: Iterable[Job], worker: Worker, name: str) -> Iterator[Job]:
    """Yield the *jobs* that name *worker*, naming it by its new *name*."""

    def new(names: Iterable[str]) -> list[str]:
        return [name if n == worker.name else n for n in names]

    for job in jobs:
        if job.org != worker.org:
            continue
        on = job.on if ":" in job.on else ",".join(new(job.on.split(",")))
        followed = replace(job, on=on, stopped_on=tuple(new(job.stopped_on)))
        if followed != job:
            yield followed
