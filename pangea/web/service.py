"""What the web asks of the coordinator: the one seam between the two."""

from typing import Protocol

from .schema import (
    AddedJob,
    HistoryAnswer,
    JobAnswer,
    JobPatch,
    JobSpec,
    Page,
    PushAnswer,
    PushQuery,
    Starter,
    StatusAnswer,
)
from .schema_run import RunAnswer


class Service(Protocol):
    """The coordinator as pages and API see it.

    Every method raises the errors of ``pangea.core.errors`` (NotFound,
    UsageError, Conflict, StorageError …); ``web.errors`` turns them into answers.
    """

    async def status(self, org: int) -> StatusAnswer:
        """Return the counts, the health and the next step."""
        ...

    async def ready(self) -> str:
        """Return "" if able to serve, else why not."""
        ...

    async def jobs(self, org: int) -> list[JobAnswer]:
        """Return all jobs, worst first, then by name."""
        ...

    async def job(self, org: int, name: str) -> JobAnswer:
        """Return one job."""
        ...

    async def add_job(self, org: int, spec: JobSpec, *, dry_run: bool) -> AddedJob:
        """Check and add a job, and tell what it costs."""
        ...

    async def edit_job(self, org: int, name: str, patch: JobPatch) -> JobAnswer:
        """Change a job; its history stays with it."""
        ...

    async def remove_job(self, org: int, name: str) -> None:
        """Remove a job."""
        ...

    async def stop_job(self, org: int, name: str, worker: str | None) -> JobAnswer:
        """Stop a job everywhere, or on one worker."""
        ...

    async def start_job(self, org: int, name: str, worker: str | None) -> JobAnswer:
        """Start a job everywhere, or on one worker."""
        ...

    async def run_job(self, org: int, name: str) -> RunAnswer:
        """Ask the job's connected workers to probe at once."""
        ...

    async def push(self, token: str, report: PushQuery) -> PushAnswer:
        """Take the report of a heartbeat job; NotFound for an unknown token."""
        ...

    async def results(
        self,
        org: int,
        name: str,
        *,
        worker: str | None,
        since_us: int | None,
        until_us: int | None,
        limit: int,
        cursor: str | None,
    ) -> Page:
        """Return a page of ResultAnswer, newest first."""
        ...

    async def history(
        self,
        org: int,
        name: str,
        *,
        range_s: float,
        points: int,
        worker: str | None,
        until_us: int | None = None,
    ) -> HistoryAnswer:
        """Return buckets of history up to then, or now."""
        ...

    def recent(self, org: int, job_id: int, points: int) -> list[float | None]:
        """Return the last durations of a job over its workers, None for failures.

        Oldest first; for sparklines, from memory.
        """
        ...

    def beats(self, org: int, job_id: int, points: int) -> dict[str, str]:
        """Return how the last rounds of a job went, by worker, from memory.

        Oldest first, a letter each: ``o`` well, ``w`` warned, ``f`` failed, ``e``
        could not tell.
        """
        ...

    async def starters(self, org: int) -> list[Starter]:
        """Return the jobs to offer while there are none."""
        ...
