"""A coordinator on PostgreSQL is backed up, and restored to either database."""

import asyncio
import gzip
from pathlib import Path

import msgspec
import pytest

from pangea.backup.make import back_up, check
from pangea.backup.restore import restore
from pangea.core.errors import Conflict, StorageError
from pangea.storage import jobs, snapshot
from pangea.storage.database import Store
from pangea.storage.moving import fill
from tests.backup.conftest import KEY
from tests.engines import places
from tests.storage.made import job

__all__ = ["places"]

RECORDED = Path(__file__).parents[1] / "storage" / "recorded"


@pytest.fixture
def empty(places):
    """Return the URL of a database without tables."""
    return places.server.url(places.another())


@pytest.fixture
def served(source, places):
    """Return the coordinator of three jobs as one on PostgreSQL."""
    url = places.server.url(places.another())
    fill(source.database, url, lambda *_: None)
    source.database.unlink()
    return msgspec.structs.replace(source, database=url)


def names(place):
    async def ask():
        store = await Store.open(place)
        try:
            return [one.name for one in await store.read(jobs.all)]
        finally:
            await store.close()

    return asyncio.run(ask())


def test_a_backup_of_one_on_postgres_becomes_a_file_again(served, tmp_path):
    path, told = tmp_path / "f.backup", set()
    made = back_up(served, path, KEY, tell=lambda doing, *_: told.add(doing))
    assert made.facts.words == "3 jobs, 0 workers, 0 results"
    assert {"copying", "comparing", "sealing", "reading it back"} <= told
    assert check(path, KEY, None).facts == made.facts
    restore(path, KEY, tmp_path / "new")
    assert names(tmp_path / "new" / "pangea.db") == ["a", "b", "c"]
    kept = (tmp_path / "new" / "node.key").read_bytes()
    assert kept == (served.state_dir / "node.key").read_bytes()


def test_and_it_becomes_a_database_on_a_server(served, tmp_path, empty):
    back_up(served, tmp_path / "f.backup", KEY)
    restore(tmp_path / "f.backup", KEY, tmp_path / "new", url=empty)
    assert names(empty) == ["a", "b", "c"]
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == [
        "admin.token", "lock", "node.key", "secrets.json", "vault.key", "worker",
    ]  # fmt: skip


def test_one_of_a_file_of_an_older_schema_goes_to_a_server(source, tmp_path, empty):
    old = gzip.decompress((RECORDED / "0005.db.gz").read_bytes())
    source.database.write_bytes(old)
    back_up(source, tmp_path / "f.backup", KEY)
    restore(tmp_path / "f.backup", KEY, tmp_path / "new", url=empty)
    assert names(empty) == ["web", "router"]
    assert not list((tmp_path / "new").glob("pangea.db*"))
    store = asyncio.run(Store.open(empty))
    schema = asyncio.run(store.read(_schema))
    asyncio.run(store.close())
    assert schema == snapshot.newest()


def _schema():
    from pangea.storage.connection import connection

    sql = "SELECT max(name) FROM schema_migration"
    return connection().execute(sql).fetchone()[0]


def test_a_database_that_is_not_empty_is_refused_before_anything(
    source, served, tmp_path
):
    back_up(served, tmp_path / "f.backup", KEY)
    with pytest.raises(Conflict, match="is not empty"):
        restore(tmp_path / "f.backup", KEY, tmp_path / "new", url=served.database)
    assert not (tmp_path / "new").exists()


def test_while_the_server_is_away_nothing_is_made(served, tmp_path):
    away = "postgresql://nobody:s3cret@127.0.0.1:1/x"
    gone = msgspec.structs.replace(served, database=away)
    with pytest.raises(StorageError, match="Connection refused") as caught:
        back_up(gone, tmp_path / "f.backup", KEY)
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"
    assert not list(tmp_path.glob("*f.backup*"))


async def test_it_is_made_while_the_coordinator_writes(served, tmp_path):
    store = await Store.open(served.database)
    making = asyncio.create_task(
        asyncio.to_thread(back_up, served, tmp_path / "f.backup", KEY)
    )
    number = 0
    while not making.done():
        number += 1
        await store.write(lambda n=number: jobs.add(job(f"more-{n}")))
    await store.close()
    counts = (await making).facts.counts
    assert 3 <= counts["job"] <= 3 + number
