"""A database of every earlier schema comes to today and means the same."""

import contextlib
import gzip
import shutil
import sqlite3
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import msgspec
import pytest

from pangea.core.model import Outcome
from pangea.core.verdict import JobState
from pangea.storage import (
    accounts,
    channels,
    gaps,
    incidents,
    ingest,
    jobs,
    lateness,
    log_then,
    maintenance,
    notes,
    results,
    settings,
    sick_windows,
    spans,
    tokens,
    verdicts,
    workers,
)
from pangea.storage.connection import connection
from pangea.storage.database import Store
from pangea.storage.ingest import Intake
from pangea.storage.schema import SCRIPTS
from tests.storage.made import job, result

PLACE = Path(__file__).parent / "recorded"
NUMBERS = sorted(path.name[:4] for path in PLACE.glob("*.db.gz"))
KNOWN = sorted(script.stem[:4] for script in SCRIPTS.glob("0*.py"))


def _said():
    spec = spec_from_file_location("said", PLACE / "said.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SAID = _said()


def put(number: str, folder: Path) -> Path:
    path = folder / "pangea.db"
    path.write_bytes(gzip.decompress((PLACE / f"{number}.db.gz").read_bytes()))
    path.chmod(0o600)
    return path


@pytest.fixture(params=NUMBERS)
async def old(request, tmp_path):
    """Return the number of a schema, and a store that began with it."""
    store = await Store.open(put(request.param, tmp_path))
    yield request.param, store
    await store.close()


def columns(told: dict, found: object) -> dict:
    return {key: getattr(found, key) for key in told}


def test_every_schema_that_was_left_behind_is_recorded_and_small():
    assert set(KNOWN[:-1]) <= set(NUMBERS), "see recorded/README.md"
    sizes = {path.name: path.stat().st_size for path in PLACE.glob("*.db.gz")}
    assert {name: size for name, size in sizes.items() if size > 20_000} == {}


async def test_jobs_workers_accounts_and_settings_are_the_same(old):
    number, store = old
    kept_jobs = await store.read(jobs.all)
    kept_workers = await store.read(workers.all)
    by_name = {job.name: job for job in kept_jobs}
    assert {job["name"] for job in SAID.JOBS} == set(by_name)
    for told in SAID.JOBS:
        assert columns(told, by_name[told["name"]]) == told
        assert by_name[told["name"]].expect == "ok"
        assert by_name[told["name"]].depends_on == ()
    known = {worker.name: worker for worker in kept_workers}
    for told in SAID.WORKERS:
        assert columns(told, known[told["name"]]) == told
        assert known[told["name"]].state == "approved"
        # Who was in before there was trust has had every credential already.
        assert known[told["name"]].trusted is (number < "0003")
    (ann,) = await store.read(accounts.all)
    assert (ann.org, ann.name, ann.role, ann.prefix, ann.code_hash) == (
        1,
        *SAID.ACCOUNT,
    )
    assert await store.read(lambda: settings.get(SAID.SETTING[0])) == SAID.SETTING[1]


async def test_each_result_is_there_once_as_it_was(old):
    _, store = old
    page = await store.read(lambda: results.query(1, limit=1000))
    assert len(page.items) == 2 * SAID.COUNT
    found = {(each.worker, each.started_at_us): each for each in page.items}
    for worker in SAID.EPOCHS:
        for n in range(1, SAID.COUNT + 1):
            told = SAID.row(worker, n)
            told["outcome"] = Outcome(told["outcome"])
            each = found[worker, told["started_at_us"]]
            assert columns(told, each) == told


async def test_channels_are_the_same(old):
    number, store = old
    kept = await store.read(channels.all)
    assert [(c.name, c.type, c.options, c.enabled, c.per_minute) for c in kept] == (
        [("ops", "email", {"to": "a@b.c"}, True, 30)] if number >= "0012" else []
    )


async def test_what_was_acknowledged_is_taken_for_known(old):
    _, store = old
    marks = {1: SAID.GAP[1], 2: SAID.COUNT}
    for worker, epoch in SAID.EPOCHS.items():
        known = await store.read(lambda w=worker: ingest.watermarks(w))
        assert known == {epoch: marks[worker]}
    rows = [result(1, worker=2)]
    again = Intake(worker=2, epoch=SAID.EPOCHS[2], first=1, rows=rows)
    await store.write(lambda: ingest.commit([again], SAID.T0))
    page = await store.read(lambda: results.query(1, limit=1000))
    assert len(page.items) == 2 * SAID.COUNT
    ((gap,), _) = await store.read(lambda: gaps.page(1, 10, None))
    assert (gap.first, gap.last, gap.reason, gap.counts) == SAID.GAP


async def test_votes_and_verdicts_are_the_same(old):
    _, store = old
    changes = await store.read(lambda: verdicts.vote_changes(1))
    assert [columns(told, c) for told, c in zip(SAID.VOTES, changes, strict=True)] == [
        *SAID.VOTES
    ]
    turns = await store.read(lambda: verdicts.transitions(1))
    turns = sorted(turns, key=lambda turn: turn.at_us)
    assert [
        columns(told, t) for told, t in zip(SAID.TRANSITIONS, turns, strict=True)
    ] == [*SAID.TRANSITIONS]
    held = await store.read(lambda: log_then.held(1, 0, 1 << 60))
    assert [turn.at_us for turn in held] == [t["at_us"] for t in SAID.TRANSITIONS]
    packed = (await store.read(verdicts.load_states))[1]
    state = msgspec.msgpack.decode(packed, type=JobState)
    assert columns(SAID.STATE, state) == SAID.STATE
    assert columns(SAID.VOTE, state.votes[1]) == SAID.VOTE


async def test_rollups_hold_what_they_held(old):
    _, store = old
    sums = await store.read(
        lambda: (
            connection()
            .execute("SELECT step, sum(ok), sum(failed) FROM rollup GROUP BY step")
            .fetchall()
        )
    )
    failed = 2 * (SAID.COUNT // 6)
    assert (600, 2 * SAID.COUNT - failed, failed) in sums


async def test_what_later_schemas_added_is_read_by_today(old):
    number, store = old
    if number >= "0003":
        assert (await store.read(tokens.all))[0].site == "rio1"
        assert await store.read(workers.revoked_keys) == {b"r" * 32}
    if number >= "0005":
        (found,) = await store.read(lambda: incidents.open_now(0))
        assert columns(SAID.INCIDENT, found) == SAID.INCIDENT
        assert found.members[1].name == "web"
        assert (await store.read(lambda: incidents.timeline("I1")))[0].text == "on it"
        ((note,), _) = await store.read(lambda: notes.page(1, limit=5))
        assert (note.text, note.labels) == ("deployed ü", {"team": "shop"})
    if number >= "0006":
        (window,) = (await store.read(sick_windows.all_of))[2]
        assert window.cause == "gateway"
    if number >= "0007":
        (planned,) = await store.read(maintenance.all)
        assert columns(SAID.MAINTENANCE, planned) == SAID.MAINTENANCE
        (span,) = await store.read(lambda: spans.between(1, 0, 1 << 60))
        assert span.why == "cables"
    if number >= "0008":
        assert await store.read(lateness.seats_now) == {1: (1, 2)}
        assert set(await store.read(log_then.paused_now)) == {2}


async def test_new_ids_are_of_nobody_from_before(old):
    _, store = old
    await store.write(lambda: jobs.remove(2))
    added = await store.write(lambda: jobs.add(job("new")))
    assert added.id > 2


MIGRATE = """
import os, sys
from pathlib import Path
from pangea.storage.connection import WRITER, connect, connection
from pangea.storage.schema import SCRIPTS, migrate

WRITES = ("CREATE", "ALTER", "DROP", "INSERT", "UPDATE", "COMMIT")
path, stop = Path(sys.argv[1]), int(sys.argv[2])
connect(path, WRITER)

def seen(statement):
    global stop
    if statement.split(" ")[0] in WRITES:
        stop -= 1
        if not stop:
            os.kill(os.getpid(), 9)

connection().set_trace_callback(seen)
print(migrate(path))
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", ["0001", "0004"])
async def test_a_kill_in_the_middle_of_a_migration_leaves_it_whole(tmp_path, number):
    stop, killed = 2, 0
    while True:
        folder = tmp_path / str(stop)
        folder.mkdir()
        path = put(number, folder)
        before = path.read_bytes()
        ran = subprocess.run(
            [sys.executable, "-c", MIGRATE, path, str(stop)],
            capture_output=True, text=True, timeout=50, check=False,
        )  # fmt: skip
        if ran.returncode == 0:
            break
        assert ran.returncode == -9, ran.stderr
        killed += 1
        copies = list(folder.glob("pangea.db.before-????"))
        assert copies, "the copy is made first"
        with contextlib.closing(sqlite3.connect(copies[0])) as link:
            assert link.execute("SELECT count(*) FROM result").fetchone() == (120,)
        store = await Store.open(path)
        page = await store.read(lambda: results.query(1, limit=1000))
        assert len(page.items) == 2 * SAID.COUNT
        assert len(await store.read(workers.all)) == len(SAID.WORKERS)
        await store.close()
        assert before != path.read_bytes()
        shutil.rmtree(folder)
        stop += 9
    assert killed > 2
