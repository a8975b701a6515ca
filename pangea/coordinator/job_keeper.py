"""Jobs in the database, their secret options sealed there and nowhere else."""

from collections.abc import Callable

from msgspec.structs import replace

from pangea.core.model import Job
from pangea.core.options import secret_names
from pangea.probes.base import probe_class
from pangea.storage import jobs
from pangea.storage.database import Store
from pangea.storage.rollups import OpenBuckets
from pangea.vault import Vault

from .sealed_options import opened, sealed


class JobKeeper:
    """Stores jobs sealed and returns them open."""

    def __init__(self, store: Store, vault: Vault, buckets: OpenBuckets) -> None:
        self._store, self._buckets = store, buckets
        self._vault = vault

    async def all(self) -> list[Job]:
        """Return every job; ConfigError if the vault's key is not the right one."""
        return [self._opened(job) for job in await self._store.read(jobs.all)]

    async def begin(self, now_us: int) -> None:
        """Let no id be given again that a life which was lost may have given."""
        await self._store.write(lambda: jobs.skip_ids(now_us))

    async def add(self, job: Job) -> Job:
        """Store a new job and return it with its id."""
        kept = self._sealed(job)

        def write() -> Job:
            stored = jobs.add(kept)
            self._buckets.know(stored)
            return stored

        return replace(job, id=(await self._store.write(write)).id)

    async def replace(self, job: Job) -> Job:
        """Store a changed job."""
        await self.replace_all([job], lambda: None)
        return job

    async def replace_all(self, changed: list[Job], also: Callable[[], None]) -> None:
        """Store all of *changed*, and what *also* writes, or nothing of it."""
        kept = [self._sealed(job) for job in changed]

        def write() -> None:
            also()
            for job in kept:
                self._buckets.know(jobs.replace(job))

        await self._store.write(write)

    async def remove(self, job: Job, orphans: list[Job]) -> None:
        """Remove a job; *orphans* are stored, which depended on it."""

        def also() -> None:
            jobs.remove(job.id)
            self._buckets.forget(job.id)

        await self.replace_all(orphans, also)

    def _sealed(self, job: Job) -> Job:
        secret = secret_names(probe_class(job.type).Options)
        kept = sealed(self._vault, job.options, secret, _place(job))
        return replace(job, options=kept)

    def _opened(self, job: Job) -> Job:
        return replace(job, options=opened(self._vault, job.options, _place(job)))


def _place(job: Job) -> str:
    # What never changes of a job and is known before it has an id.
    return f"org/{job.org}/job/{job.created_at_us}"
