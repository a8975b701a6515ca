"""Jobs in the database, their secret options sealed there and nowhere else."""

from collections.abc import Callable

from msgspec.structs import replace

from pangea.core.model import Job
from pangea.core.options import secret_names
from pangea.probes.base import probe_class
from pangea.storage import jobs
from pangea.storage.database import Store
from pangea.vault import Vault


class JobKeeper:
    """Stores jobs sealed and returns them open."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    async def all(self) -> list[Job]:
        """Return every job; ConfigError if the vault's key is not the right one."""
        return [self._opened(job) for job in await self._store.read(jobs.all)]

    async def add(self, job: Job) -> Job:
        """Store a new job and return it with its id."""
        sealed = self._sealed(job)
        stored = await self._store.write(lambda: jobs.add(sealed))
        return replace(job, id=stored.id)

    async def replace(self, job: Job) -> Job:
        """Store a changed job."""
        sealed = self._sealed(job)
        await self._store.write(lambda: jobs.replace(sealed))
        return job

    async def replace_all(self, changed: list[Job], also: Callable[[], None]) -> None:
        """Store all of *changed*, and what *also* writes, or nothing of it."""
        sealed = [self._sealed(job) for job in changed]

        def write() -> None:
            also()
            for job in sealed:
                jobs.replace(job)

        await self._store.write(write)

    async def remove(self, job: Job) -> None:
        """Remove a job."""
        await self._store.write(lambda: jobs.remove(job.id))

    def _sealed(self, job: Job) -> Job:
        secret = secret_names(probe_class(job.type).Options)
        options = self._vault.seal_options(job.options, secret, _place(job))
        return replace(job, options=options)

    def _opened(self, job: Job) -> Job:
        return replace(job, options=self._vault.open_options(job.options, _place(job)))


def _place(job: Job) -> str:
    # What never changes of a job and is known before it has an id.
    return f"org/{job.org}/job/{job.created_at_us}"
