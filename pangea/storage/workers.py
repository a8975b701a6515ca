"""Workers as they are stored."""

from collections.abc import Mapping
from itertools import count

from msgspec.structs import replace

from pangea.core.errors import NotFound
from pangea.core.model import Worker

from .connection import connection
from .models import WorkerRow


def by_key(key: bytes) -> Worker | None:
    """Return the worker with that public key."""
    row = WorkerRow.get_or_none(WorkerRow.key == key)
    return None if row is None else _worker(row)


def register(worker: Worker) -> Worker:
    """Store a new worker; return it with its id.

    A name that is taken in its organisation gets ``-2``, ``-3`` and so on. One
    that was registered before is returned as it is stored.
    """
    before = by_key(worker.key)
    if before is not None:
        return before
    named = replace(worker, name=_free_name(worker.name, worker.org))
    return replace(named, id=WorkerRow.create(**_columns(named)).id)


def all() -> list[Worker]:
    """Return every worker, oldest first."""
    return [_worker(row) for row in WorkerRow.select().order_by(WorkerRow.id)]


def update(worker: Worker) -> None:
    """Store what changed about a worker; NotFound if it is gone.

    When it was last seen is ``touch``'s alone: what the caller holds may be older.
    """
    columns = _columns(worker)
    del columns["last_seen_us"]
    changed = WorkerRow.update(**columns).where(WorkerRow.id == worker.id)
    if not changed.execute():
        raise NotFound(f"there is no worker {worker.name!r}")


def touch(seen: Mapping[int, int]) -> None:
    """Note when workers were last seen, in microseconds of UTC."""
    connection().executemany(
        "UPDATE worker SET last_seen_us = max(last_seen_us, ?) WHERE id = ?",
        [(at_us, worker) for worker, at_us in seen.items()],
    )


def _free_name(name: str, org: int) -> str:
    taken = {
        row.name for row in WorkerRow.select(WorkerRow.name).where(WorkerRow.org == org)
    }
    if name not in taken:
        return name
    return next(n for i in count(2) if (n := f"{name}-{i}") not in taken)


def _columns(worker: Worker) -> dict[str, object]:
    return {
        "org": worker.org,
        "key": worker.key,
        "name": worker.name,
        "state": worker.state,
        "region": worker.region,
        "position": worker.position,
        "tags": worker.tags,
        "version": worker.version,
        "probes": worker.probes,
        "lacks": worker.lacks,
        "last_seen_us": worker.last_seen_us,
    }


def _worker(row: WorkerRow) -> Worker:
    return Worker(
        id=row.id,
        org=row.org,
        key=bytes(row.key),
        name=row.name,
        state=row.state,
        region=row.region,
        position=tuple(row.position) if row.position else None,
        tags=row.tags,
        version=row.version,
        probes=tuple(row.probes),
        lacks=row.lacks,
        last_seen_us=row.last_seen_us,
    )
