"""Writes one recorded database, with the code that used that schema.

``make.py 0003`` with the package of that time on PYTHONPATH. Schemas that no commit
ever ended with (0005 to 0008 came together) are made of the recorded one before, its
script and SQL: ``make.py 0005``. It writes nothing over what is there.
"""

import asyncio
import contextlib
import gzip
import sqlite3
import sys
import tempfile
from pathlib import Path

import msgspec
from said import (
    ACCOUNT,
    ADDED,
    COUNT,
    EPOCHS,
    GAP,
    INCIDENT,
    JOBS,
    MAINTENANCE,
    SETTING,
    STATE,
    T0,
    TRANSITIONS,
    VOTE,
    VOTES,
    WORKERS,
    row,
)

from pangea.core.model import Gap, Job, Outcome, Result, Verdict, VoteValue, Worker
from pangea.core.verdict import JobState, Transition, VoteChange
from pangea.storage import accounts, ingest, jobs, rollups, settings, workers
from pangea.storage import schema as schema_module
from pangea.storage.connection import WRITER, connect, db
from pangea.storage.database import Store
from pangea.storage.ingest import Intake
from pangea.storage.rollups import OpenBuckets

try:
    from pangea.core.verdict import Vote
except ImportError:
    from pangea.core.tally import Vote

HERE = Path(__file__).parent
SCRIPTS = Path(schema_module.__file__).parent / "migrations"
BETWEEN = ("0005", "0006", "0007", "0008")


def main(number: str) -> None:
    """Write ``NNNN.db.gz`` beside this."""
    target = HERE / f"{number}.db.gz"
    if target.exists():
        raise SystemExit(f"{target} is there: what was recorded stays")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pangea.db"
        if number in BETWEEN:
            _from_the_one_before(path, number)
        else:
            newest = max(script.stem for script in SCRIPTS.glob("0*.py"))
            if not newest.startswith(number):
                raise SystemExit(f"this code has schema {newest}")
            asyncio.run(_write(path))
        with contextlib.closing(sqlite3.connect(path)) as link:
            _add(link, number)
            link.execute("PRAGMA journal_mode = DELETE")
            link.execute("VACUUM")
        target.write_bytes(gzip.compress(path.read_bytes(), mtime=0))


async def _write(path: Path) -> None:
    store, buckets = await Store.open(path), OpenBuckets()
    await rollups.recover(store, buckets)
    await store.write(lambda: [jobs.add(Job(id=0, **told)) for told in JOBS])
    await store.write(
        lambda: [workers.register(Worker(id=0, **told)) for told in WORKERS]
    )
    gap = Gap(GAP[0], GAP[1], T0, T0, GAP[2], GAP[3])
    for worker, epoch in EPOCHS.items():
        rows = [_result(worker, number) for number in range(1, COUNT + 1)]
        batch = Intake(worker=worker, epoch=epoch, first=1, rows=rows)
        lost = Intake(worker=worker, epoch=epoch, first=65, rows=[], gaps=[gap])
        await store.write(
            lambda b=batch, g=lost: ingest.commit(
                [b, g] if b.worker == 1 else [b], T0, buckets=buckets
            )
        )
    await store.write(
        lambda: ingest.commit(
            [],
            T0,
            vote_changes=[_change(told) for told in VOTES],
            transitions=[_transition(told) for told in TRANSITIONS],
            states={1: msgspec.msgpack.encode(_state())},
        )
    )
    await store.write(lambda: accounts.put(1, *ACCOUNT))
    await store.write(lambda: settings.put(*SETTING))
    await rollups.fold(store, buckets)
    await store.close()


def _result(worker: int, number: int) -> Result:
    told = row(worker, number)
    return Result(**{**told, "outcome": Outcome(told["outcome"])})


def _change(told: dict) -> VoteChange:
    before, after = (v and VoteValue(v) for v in (told["before"], told["after"]))
    return VoteChange(**{**told, "before": before, "after": after})


def _transition(told: dict) -> Transition:
    both = {key: Verdict(told[key]) for key in ("before", "after")}
    return Transition(**{**told, **both})


def _state() -> JobState:
    vote = Vote(**{**VOTE, "value": VoteValue(VOTE["value"])})
    told = {**STATE, "verdict": Verdict(STATE["verdict"])}
    return JobState(job=1, electorate=(1, 2), votes={1: vote}, **told)


def _from_the_one_before(path: Path, number: str) -> None:
    before = HERE / f"{int(number) - 1:04}.db.gz"
    path.write_bytes(gzip.decompress(before.read_bytes()))
    scripts = path.with_name("scripts")
    scripts.mkdir()
    for script in SCRIPTS.glob("0*.py"):
        if script.stem[:4] <= number:
            (scripts / script.name).write_text(script.read_text())
    connect(path, WRITER)
    schema_module.migrate(path, scripts)
    db.close()


def _packed(since: str) -> list[tuple[str, str, tuple]]:
    """Return rows that are packed, in the words of the code that added them."""
    pack = msgspec.msgpack.encode
    if since == "0005":
        from pangea.core.incident import Incident

        told = {**INCIDENT, "verdict": Verdict.DOWN, "worst": Verdict.DOWN}
        body = pack(Incident(**told))
        row = (INCIDENT["id"], 1, INCIDENT["opened_us"], 0, "", body)
        return [("incident", "id, org, opened_us, closed_us, merged_into, body", row)]
    if since == "0007":
        from pangea.core.maintenance import Maintenance

        row = (1, 0, pack(Maintenance(**MAINTENANCE)))
        return [("maintenance", "org, ended_us, plan", row)]
    if since == "0008":
        return [
            ("seat_change", "org, job, at_us, electorate", (1, 1, T0, pack((1, 2))))
        ]
    return []


def _add(link: sqlite3.Connection, number: str) -> None:
    """Add what this schema brought, and for a whole one what those before did."""
    for since, rows in ADDED.items():
        if since == number or (since < number and number not in BETWEEN):
            for table, columns, values in [*rows, *_packed(since)]:
                marks = ", ".join("?" * len(values))
                link.execute(
                    f"INSERT INTO {table} ({columns}) VALUES ({marks})", values
                )
    link.commit()


if __name__ == "__main__":
    main(sys.argv[1])
