"""Scheduled backups: when due, never two, rotated, and failures are told."""

import asyncio
import re
import secrets
import shutil
from pathlib import Path

import pytest

from pangea.backup.keys import new_key, read_key
from pangea.backup.make import Source, check
from pangea.coordinator import backups as module
from pangea.coordinator.backups import Backups
from pangea.core.config import BackupTable
from pangea.core.durations import Seconds
from pangea.core.errors import Conflict
from pangea.mesh import identity
from pangea.storage import jobs
from pangea.storage.database import Store
from tests.coordinator.conftest import CLOCK
from tests.storage.made import job


class Late:
    """A clock of the year that a test wants, which goes as real time does."""

    def __init__(self):
        self.ahead_s = 0.0

    def wall(self):
        return CLOCK.wall() + self.ahead_s

    def monotonic(self):
        return CLOCK.monotonic()

    def boot(self):
        return CLOCK.boot()


class Desk:
    """Scheduled backups of a coordinator that is open, in a directory."""

    def __init__(self, place: Path, store: Store, database: Path | str = "") -> None:
        self.place, self.store, self.clock = place, store, Late()
        self.database = database or place / "pangea.db"
        self.dir = place / "backups"
        self.key = place / "backup.key"
        new_key(self.key)
        identity.load_or_create(place / "node.key")
        self.made = self.open()
        self.running = None

    def open(self, **more):
        given = {"dir": str(self.dir), "key_file": str(self.key), "keep": 3, **more}
        source = Source(self.place, self.database, "lon")
        return Backups(BackupTable(**given), source, self.clock)

    def start(self):
        self.running = asyncio.create_task(self.made.run())

    async def stop(self):
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    async def now(self):
        name = self.made.begin().name
        async with asyncio.timeout(20):
            while self.made.status().running:
                await asyncio.sleep(0.02)
        return name

    def names(self):
        return sorted(path.name for path in self.dir.iterdir())


@pytest.fixture
async def desk(tmp_path):
    tmp_path.chmod(0o700)
    store = await Store.open(tmp_path / "pangea.db")
    made = Desk(tmp_path, store)
    made.start()
    yield made
    await made.stop()
    await store.close()


async def test_one_is_made_while_the_coordinator_writes_and_can_be_restored(desk):
    await desk.store.write(lambda: jobs.add(job()))
    assert desk.made.status().last_at is None
    name = await desk.now()
    status = desk.made.status()
    made = check(desk.dir / name, read_key(desk.key), None)
    assert made.facts.counts["job"] == 1
    assert (status.kept, status.last_bytes) == (1, made.size)
    assert (desk.dir / name).stat().st_mode & 0o777 == 0o600
    (told,) = await desk.made.backups()
    assert (told.name, told.bytes) == (name, made.size)
    assert desk.made.troubles() == []


async def test_one_of_a_database_on_a_server_is_made_as_well(tmp_path, places):
    tmp_path.chmod(0o700)
    url = places.server.url(places.another())
    store = await Store.open(url)
    desk = Desk(tmp_path, store, url)
    desk.start()
    await store.write(lambda: jobs.add(job()))
    made = check(desk.dir / await desk.now(), read_key(desk.key), None)
    assert made.facts.counts["job"] == 1
    assert desk.made.troubles() == []
    await desk.stop()
    await store.close()


async def test_only_the_newest_are_kept_and_nothing_of_others_is_touched(desk):
    desk.dir.mkdir()
    (desk.dir / "paris-20200101T000000Z.backup").touch()
    (desk.dir / "lon-notes.txt").touch()
    (desk.dir / ".lon-20200101T000000Z.backup.part").touch()
    names = []
    for _ in range(5):
        desk.clock.ahead_s += 60.0
        names.append(await desk.now())
    assert desk.names() == sorted(
        ["paris-20200101T000000Z.backup", "lon-notes.txt", *names[2:]]
    )


async def test_fewer_than_are_kept_all_stay(desk):
    for _ in range(2):
        desk.clock.ahead_s += 60.0
        await desk.now()
    assert len(desk.names()) == 2


async def test_a_backup_of_the_future_does_not_cost_the_newest(desk):
    desk.dir.mkdir()
    future = [f"lon-20{year}0101T000000Z.backup" for year in (70, 71, 72)]
    for name in future:
        (desk.dir / name).touch()
    name = await desk.now()
    assert desk.names() == sorted([name, *future[1:]])


async def test_what_fails_is_told_and_costs_no_old_one(desk):
    kept = await desk.now()
    desk.key.write_bytes(secrets.token_bytes(31))
    desk.clock.ahead_s += 7200.0
    await desk.now()
    (told,) = desk.made.troubles()
    # Names have whole seconds.
    assert re.match(r"the backup failed, and the last one is 2h(\ds)? old: ", told)
    assert "the key file" in told
    assert desk.names() == [kept]
    desk.key.write_bytes(secrets.token_bytes(32))
    await desk.now()
    assert desk.made.troubles() == []


async def test_a_directory_that_is_none_is_told(desk):
    desk.dir.write_text("a file")
    await desk.now()
    (told,) = desk.made.troubles()
    assert "there is none yet" in told
    assert "cannot be used: file exists" in told


async def test_two_at_a_time_are_refused(desk):
    desk.made.begin()
    with pytest.raises(Conflict, match="being made already"):
        desk.made.begin()


async def test_it_begins_by_itself_when_the_last_one_is_old_enough(desk, monkeypatch):
    await desk.now()
    await desk.stop()
    monkeypatch.setattr(module, "START_S", 0.0)
    desk.made = desk.open(every=Seconds(60))
    desk.start()
    await asyncio.sleep(0.2)
    assert len(desk.names()) == 1
    await desk.stop()
    desk.clock.ahead_s += 61.0
    desk.made = desk.open(every=Seconds(60))
    desk.start()
    async with asyncio.timeout(10):
        while len(desk.names()) < 2:
            await asyncio.sleep(0.05)


async def test_who_stops_does_not_wait_for_the_backup(desk):
    desk.made.begin()
    await desk.stop()
    async with asyncio.timeout(20):
        while (desk.place / "backup.part").exists():
            await asyncio.sleep(0.02)
    left = desk.names() if desk.dir.exists() else []
    assert not [name for name in left if name.endswith(".part")]
    shutil.rmtree(desk.dir, ignore_errors=True)
