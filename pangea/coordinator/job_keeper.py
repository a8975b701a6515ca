"""Jobs in the database, their secret options sealed there and nowhere else."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from pangea.core import credentials
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

    async def begin(self, now_us: int) -> None:
        """Let no id be given again that a life which was lost may have given."""
        await self._store.write(lambda: jobs.skip_ids(now_us))

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

    async def remove(self, job: Job, orphans: list[Job]) -> None:
        """Remove a job; *orphans* are stored, which depended on it."""
        await self.replace_all(orphans, lambda: jobs.remove(job.id))

    def _sealed(self, job: Job) -> Job:
        secret, place = secret_names(probe_class(job.type).Options), _place(job)
        options, headers = dict(job.options), job.options.get("headers")
        if isinstance(headers, str) and credentials.has_credentials(headers):
            secret |= {"headers"}
        elif headers:
            options["headers"] = self._sealed_headers(headers, f"{place}/headers")
        return replace(job, options=self._vault.seal_options(options, secret, place))

    def _opened(self, job: Job) -> Job:
        place = _place(job)
        options = self._vault.open_options(job.options, place)
        if headers := options.get("headers"):
            options["headers"] = self._opened_headers(headers, f"{place}/headers")
        return replace(job, options=options)

    def _sealed_headers(self, headers: Any, place: str) -> Any:
        """Return *headers* with those sealed that sound like credentials."""
        if isinstance(headers, Mapping):
            secret = frozenset(filter(credentials.sounds_secret, headers))
            return self._vault.seal_options(headers, secret, place)
        if not isinstance(headers, list):
            return headers
        marks = enumerate(credentials.secret_lines(headers))
        secret = frozenset(str(at) for at, mark in marks if mark)
        return [*self._vault.seal_options(_numbered(headers), secret, place).values()]

    def _opened_headers(self, headers: Any, place: str) -> Any:
        if isinstance(headers, Mapping):
            return self._vault.open_options(headers, place)
        if not isinstance(headers, list):
            return headers
        return [*self._vault.open_options(_numbered(headers), place).values()]


def _numbered(lines: list[Any]) -> dict[str, Any]:
    return {str(at): line for at, line in enumerate(lines)}


def _place(job: Job) -> str:
    # What never changes of a job and is known before it has an id.
    return f"org/{job.org}/job/{job.created_at_us}"
