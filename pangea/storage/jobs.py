"""Jobs as they are stored."""

import msgspec

from pangea.core.errors import Conflict, NotFound
from pangea.core.model import FIRST_ORG, Job

from . import verdicts
from .connection import connection
from .dialect import skip
from .light_peewee import peewee
from .models import JobRow

#: So many ids a second are left out for a life of the database that may be lost.
IDS_A_SECOND = 10
#: When this database was last written to, as far as its rows tell.
_LAST_TRACE = """SELECT max(at) FROM (
    SELECT max(raised_us) AS at FROM watermark
    UNION ALL SELECT max(last_seen_us) FROM worker
    UNION ALL SELECT max(created_at_us) FROM job) AS traces"""


def add(job: Job) -> Job:
    """Store a new job and return it with its id.

    Raises Conflict if its organisation has one of that name.
    """
    try:
        row = JobRow.create(**_columns(job))
    except peewee.IntegrityError as error:
        raise _taken(job) from error
    return msgspec.structs.replace(job, id=row.id)


def skip_ids(now_us: int) -> int:
    """Leave out the ids that may have been given since the last trace in here.

    Call it at a start. A database that was restored from a backup does not know which
    jobs were added after it; workers still hold results of those, which must not
    become results of other jobs. Return how many ids are left out: 10 a second.
    """
    link = connection()
    (last_us,) = link.execute(_LAST_TRACE).fetchone()
    skipped = max(0, now_us - last_us) * IDS_A_SECOND // 1_000_000 if last_us else 0
    if not skipped:
        return 0
    skip("job", skipped)
    return skipped


def get(name: str, org: int = FIRST_ORG) -> Job:
    """Return the job of that name; NotFound if there is none."""
    row = JobRow.get_or_none((JobRow.org == org) & (JobRow.name == name))
    if row is None:
        raise NotFound(f"there is no job {name!r}", hint="see: pangea job list")
    return _job(row)


def all(org: int | None = None) -> list[Job]:
    """Return the jobs of an organisation, or of every one, oldest first."""
    rows = JobRow.select().order_by(JobRow.id)
    if org is not None:
        rows = rows.where(JobRow.org == org)
    return [_job(row) for row in rows]


def replace(job: Job) -> Job:
    """Store a changed job under its id.

    Raises NotFound if it is gone, and Conflict if its new name is taken.
    """
    try:
        changed = JobRow.update(**_columns(job)).where(JobRow.id == job.id).execute()
    except peewee.IntegrityError as error:
        raise _taken(job) from error
    if not changed:
        raise NotFound(f"job {job.name!r} has been removed")
    return job


def remove(job: int) -> None:
    """Remove a job and its verdict; its results stay until they are too old."""
    if not JobRow.delete().where(JobRow.id == job).execute():
        raise NotFound("this job has been removed already")
    verdicts.forget_state(job)


def _taken(job: Job) -> Conflict:
    return Conflict(
        f"there is a job {job.name!r} already",
        hint="give another --name, or edit that one",
    )


def _columns(job: Job) -> dict[str, object]:
    return {
        "org": job.org,
        "name": job.name,
        "type": job.type,
        "target": job.target,
        "interval_s": job.interval_s,
        "timeout_s": job.timeout_s,
        "places": job.on,
        "rule": job.rule,
        "expect": job.expect,
        "options": job.options,
        "labels": job.labels,
        "enabled": job.enabled,
        "stopped_on": job.stopped_on,
        "depends_on": job.depends_on,
        "slo": job.slo,
        "created_at_us": job.created_at_us,
    }


def _job(row: JobRow) -> Job:
    return Job(
        id=row.id,
        org=row.org,
        name=row.name,
        type=row.type,
        target=row.target,
        interval_s=row.interval_s,
        timeout_s=row.timeout_s,
        on=row.places,
        rule=row.rule,
        expect=row.expect,
        options=row.options,
        labels=row.labels,
        enabled=row.enabled,
        stopped_on=tuple(row.stopped_on),
        depends_on=tuple(row.depends_on),
        slo=row.slo,
        created_at_us=row.created_at_us,
    )
