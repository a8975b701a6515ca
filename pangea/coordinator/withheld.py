"""Credentials of jobs are for workers that a person has approved, and no others."""

from collections.abc import Sequence

from msgspec.structs import replace

from pangea.core import credentials
from pangea.core.model import Job, Worker
from pangea.core.options import secret_names
from pangea.probes.base import probe_class

#: With this begins why a job is kept from a worker.
WITHHELD = "withheld: "


def has_credentials(job: Job) -> bool:
    """Tell whether *job* has a secret option that is set, or a telling header."""
    if not job.options:
        return False
    secret = secret_names(probe_class(job.type).Options)
    told = any(job.options.get(name) for name in secret)
    return told or credentials.has_credentials(job.options.get("headers"))


def may_have(job: Job, worker: Worker | None) -> bool:
    """Tell whether *worker* may be sent *job*: the last look before it is sent."""
    return worker is not None and (worker.trusted or not has_credentials(job))


def as_trusted(job: Job, workers: Sequence[Worker]) -> Sequence[Worker]:
    """Return *workers* as *job* may see them.

    One that nobody has approved lacks the type of a job with credentials, and says
    why; so the job does not go there, and its cell tells what to do.
    """
    if all(worker.trusted for worker in workers) or not has_credentials(job):
        return workers
    return [w if w.trusted else _untrusted(job, w) for w in workers]


def _untrusted(job: Job, worker: Worker) -> Worker:
    why = (
        f"{WITHHELD}approve worker {worker.name} once to send it this job's "
        f"credentials (pangea worker approve {worker.name})"
    )
    return replace(worker, lacks={**worker.lacks, job.type: why})
