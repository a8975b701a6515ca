"""Workers as they are stored."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from itertools import count
from typing import NamedTuple

from msgspec.structs import replace

from pangea.core.errors import Conflict, NotFound
from pangea.core.model import Worker

from .connection import connection
from .models import WorkerRow

#: Those whose names are taken.
PRESENT = ("approved", "pending")
#: More nodes may not be listed, and may not wait for a person at the same time:
#: whoever holds the secret can make as many keys as he likes.
MOST = 10_000
MOST_PENDING = 100
#: What a worker says of itself; all the rest is decided here.
SAID = ("region", "position", "tags", "version", "probes", "lacks")


def by_key(key: bytes) -> Worker | None:
    """Return the worker with that public key."""
    row = WorkerRow.get_or_none(WorkerRow.key == key)
    return None if row is None else _worker(row)


def register(worker: Worker) -> Worker:
    """Store a worker that comes for the first time, or again after its removal.

    Returns it with its id. A name that is taken in its organisation gets ``-2``,
    ``-3`` and so on, and ``wanted_name`` says which one it was. One that is in, or
    waits, is returned as it is stored. Raises Conflict for a revoked one.
    """
    before = by_key(worker.key)
    if before is not None and before.state in PRESENT:
        return before
    _refuse_revoked(worker.key)
    if WorkerRow.select().where(WorkerRow.state.in_(PRESENT)).count() >= MOST:
        raise Conflict(
            f"{MOST} workers are listed already",
            hint="remove those that are gone: pangea worker remove NAME",
        )
    name = _free_name(worker.name, worker.org)
    wanted = worker.name if name != worker.name else ""
    named = replace(worker, name=name, wanted_name=wanted)
    if before is None:
        return replace(named, id=WorkerRow.create(**_columns(named)).id)
    # The same row, so that what was delivered before is known as such.
    return save(replace(named, id=before.id))


def make_room(waiting: AbstractSet[int]) -> dict[int, bool]:
    """Forget pending workers that are gone, if too many are stored.

    *waiting* are those that are here. Raises Conflict if all of them are. Returns
    whom it forgot: True if for good, False if the row stays as that of a removed
    worker, because there are results from before its removal.
    """
    rows = list(
        WorkerRow.select(WorkerRow.id)
        .where(WorkerRow.state == "pending")
        .order_by(WorkerRow.last_seen_us, WorkerRow.id)
    )
    gone = [row.id for row in rows if row.id not in waiting]
    surplus = len(rows) - MOST_PENDING + 1
    if surplus > len(gone):
        raise Conflict(
            f"{MOST_PENDING} workers wait for approval already",
            hint="approve or revoke some of them: pangea worker list",
        )
    return {number: _forget(number) for number in gone[: max(surplus, 0)]}


def _forget(number: int) -> bool:
    WorkerRow.update(state="removed").where(WorkerRow.id == number).execute()
    deleted = connection().execute(
        "DELETE FROM worker WHERE id = ?"
        " AND NOT EXISTS (SELECT 1 FROM watermark WHERE worker = ?)",
        (number, number),
    )
    return bool(deleted.rowcount)


def all() -> list[Worker]:
    """Return every worker, oldest first."""
    return [_worker(row) for row in WorkerRow.select().order_by(WorkerRow.id)]


def save(worker: Worker) -> Worker:
    """Store what was decided about a worker, and return it; NotFound if it is gone.

    When it was last seen is ``touch``'s alone: what the caller holds may be older.
    Raises Conflict if its name is taken.
    """
    columns = _columns(worker)
    del columns["last_seen_us"]
    if worker.state in PRESENT and _taken_by_another(worker):
        raise Conflict(
            f"there is a worker {worker.name!r} already",
            hint="choose another name, or rename that one first",
        )
    _update(worker, columns)
    return worker


def describe(worker: Worker) -> None:
    """Store what a worker says of itself, and nothing else; NotFound if it is gone."""
    columns = _columns(worker)
    _update(worker, {name: columns[name] for name in SAID})


def touch(seen: Mapping[int, int]) -> None:
    """Note when workers were last seen, in microseconds of UTC."""
    connection().executemany(
        "UPDATE worker SET last_seen_us = ? WHERE id = ? AND last_seen_us < ?",
        [(at_us, worker, at_us) for worker, at_us in seen.items()],
    )


def revoke(worker: Worker, at_us: int, by: str, reason: str) -> Worker:
    """Shut *worker* out, and its key for ever; return it as it is now."""
    connection().execute(
        "INSERT INTO revoked_key (key, org, name, revoked_us, revoked_by, reason)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (worker.key, worker.org, worker.name, at_us, by, reason),
    )
    return save(replace(worker, state="revoked", trusted=False, draining=False))


class Revocation(NamedTuple):
    """Who shut a key out, when (0: unknown), and why."""

    at_us: int
    by: str
    reason: str


def revocations() -> dict[bytes, Revocation]:
    """Return every revocation by the key that it shut out."""
    found = connection().execute(
        "SELECT key, revoked_us, revoked_by, reason FROM revoked_key"
    )
    return {bytes(key): Revocation(*rest) for key, *rest in found}


def revoked_keys() -> set[bytes]:
    """Return every key that was ever revoked."""
    return {
        bytes(row[0]) for row in connection().execute("SELECT key FROM revoked_key")
    }


def _refuse_revoked(key: bytes) -> None:
    found = connection().execute("SELECT name FROM revoked_key WHERE key = ?", (key,))
    row = found.fetchone()
    if row is not None:
        raise Conflict(
            f"the key of worker {row[0]} was revoked, and stays so",
            hint="remove its node.key and let it join as a new node",
        )


def _update(worker: Worker, columns: Mapping[str, object]) -> None:
    changed = WorkerRow.update(**columns).where(WorkerRow.id == worker.id)
    if not changed.execute():
        raise NotFound(f"there is no worker {worker.name!r}")


def _taken_by_another(worker: Worker) -> bool:
    same = (WorkerRow.org == worker.org) & (WorkerRow.name == worker.name)
    others = WorkerRow.state.in_(PRESENT) & (WorkerRow.id != worker.id)
    return bool(WorkerRow.select().where(same & others).exists())


def _free_name(name: str, org: int) -> str:
    present = (WorkerRow.org == org) & WorkerRow.state.in_(PRESENT)
    taken = {row.name for row in WorkerRow.select(WorkerRow.name).where(present)}
    if name not in taken:
        return name
    base = name[:58]
    return next(n for i in count(2) if (n := f"{base}-{i}") not in taken)


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
        "trusted": worker.trusted,
        "draining": worker.draining,
        "added_at_us": worker.added_at_us,
        "approved_by": worker.approved_by,
        "wanted_name": worker.wanted_name,
        "site": worker.site,
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
        trusted=row.trusted,
        draining=row.draining,
        added_at_us=row.added_at_us,
        approved_by=row.approved_by,
        wanted_name=row.wanted_name,
        site=row.site,
    )
