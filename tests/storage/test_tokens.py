"""Tokens and workers in the database, also in one of an earlier version."""

import contextlib
import sqlite3

import msgspec
import pytest
from msgspec.structs import replace

from pangea.core.errors import Conflict, NotAllowed
from pangea.core.model import Worker
from pangea.storage import tokens, workers
from pangea.storage.connection import WRITER, connect, db
from pangea.storage.database import Store
from pangea.storage.schema import SCRIPTS, migrate
from pangea.storage.tokens import StoredToken

TOKEN = StoredToken(id=b"t" * 8, secret=b"sealed", expires_us=100, approve=True)


def worker(letter, **more):
    return Worker(**{"id": 0, "key": letter * 32, "name": "hel", **more})


async def test_a_token_is_used_once_by_one(store):
    await store.write(lambda: tokens.add(TOKEN))
    await store.write(lambda: tokens.consume(TOKEN.id, b"a", 99))
    await store.write(lambda: tokens.consume(TOKEN.id, b"a", 500))
    with pytest.raises(NotAllowed, match="another node"):
        await store.write(lambda: tokens.consume(TOKEN.id, b"b", 50))
    (kept,) = await store.read(tokens.all)
    assert kept == replace(TOKEN, state="used", used_us=99, used_by=b"a")


async def test_a_token_ends_on_the_microsecond(store):
    await store.write(lambda: tokens.add(TOKEN))
    with pytest.raises(NotAllowed, match="expired"):
        await store.write(lambda: tokens.consume(TOKEN.id, b"a", 100))
    await store.write(lambda: tokens.consume(TOKEN.id, b"a", 99))


async def test_a_token_that_is_over_stays_so(store):
    await store.write(lambda: tokens.add(TOKEN))
    assert await store.write(lambda: tokens.expire(100)) == 1
    with pytest.raises(NotAllowed, match="expired"):
        await store.write(lambda: tokens.consume(TOKEN.id, b"a", 1))


async def test_a_token_that_never_was_opens_nothing(store):
    with pytest.raises(NotAllowed, match="no such"):
        await store.write(lambda: tokens.consume(b"x" * 8, b"a", 1))


async def test_a_node_that_is_not_registered_has_not_used_its_token(store):
    await store.write(lambda: tokens.add(TOKEN))

    def fail():
        tokens.consume(TOKEN.id, b"a", 1)
        raise Conflict("too many wait")

    with pytest.raises(Conflict):
        await store.write(fail)
    assert (await store.read(tokens.all))[0].state == "open"


async def test_a_revoked_name_is_free_and_its_key_is_not(store):
    first = await store.write(lambda: workers.register(worker(b"a")))
    await store.write(lambda: workers.revoke(first, 1, "ada", "stolen"))
    second = await store.write(lambda: workers.register(worker(b"b")))
    assert second.name == "hel"
    with pytest.raises(Conflict, match="revoked"):
        await store.write(lambda: workers.register(worker(b"a")))
    gone = replace(first, state="removed")
    await store.write(lambda: workers.save(gone))
    with pytest.raises(Conflict, match="revoked"):
        await store.write(lambda: workers.register(worker(b"a")))
    assert await store.read(workers.revoked_keys) == {b"a" * 32}


async def test_a_removed_worker_comes_back_under_its_own_number(store):
    first = await store.write(lambda: workers.register(worker(b"a")))
    await store.write(lambda: workers.save(replace(first, state="removed")))
    other = await store.write(lambda: workers.register(worker(b"b")))
    back = await store.write(lambda: workers.register(worker(b"a")))
    assert (back.id, back.name, back.wanted_name) == (first.id, "hel-2", "hel")
    assert other.id != first.id


async def test_what_a_worker_says_changes_no_decision(store):
    known = await store.write(lambda: workers.register(worker(b"a", trusted=True)))
    said = replace(known, state="revoked", trusted=False, name="x", region="eu")
    await store.write(lambda: workers.describe(said))
    (kept,) = await store.read(workers.all)
    assert kept == replace(known, region="eu")


async def test_a_long_name_that_is_taken_stays_within_bounds(store):
    name = "n" * 63
    for letter in (b"a", b"b"):
        new = worker(letter, name=name)
        made = await store.write(lambda n=new: workers.register(n))
    assert made.name == "n" * 58 + "-2"


async def test_who_comes_with_key_after_key_fills_nothing(store, monkeypatch):
    monkeypatch.setattr(workers, "MOST_PENDING", 2)

    def come(number):
        workers.make_room(frozenset())
        workers.register(worker(bytes([number]), state="pending"))

    for number in range(20):
        await store.write(lambda n=number: come(n))
    assert len(await store.read(workers.all)) == 2


async def test_no_more_than_so_many_workers_are_listed(store, monkeypatch):
    monkeypatch.setattr(workers, "MOST", 1)
    first = await store.write(lambda: workers.register(worker(b"a")))
    with pytest.raises(Conflict, match="listed"):
        await store.write(lambda: workers.register(worker(b"b")))
    assert await store.write(lambda: workers.register(worker(b"a"))) == first


@pytest.fixture
def second(tmp_path):
    """Return a small database of schema 0002 with workers in it."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for script in SCRIPTS.glob("000[12]*.py"):
        (scripts / script.name).write_text(script.read_text())
    path = tmp_path / "old.db"
    connect(path, WRITER)
    migrate(path, scripts)
    empty = msgspec.msgpack.encode({})
    none, some = msgspec.msgpack.encode(None), msgspec.msgpack.encode(["http"])
    for number, name, state in ((3, "hel", "approved"), (5, "bad", "revoked")):
        db.execute_sql(
            "INSERT INTO worker VALUES (?, 1, ?, ?, ?, 'eu', ?, ?, '1', ?, ?, 7)",
            (number, bytes([number]) * 32, name, state, none, empty, some, empty),
        )
    db.execute_sql("DELETE FROM worker WHERE id = 99")
    db.execute_sql("UPDATE sqlite_sequence SET seq = 41 WHERE name = 'worker'")
    db.close()
    return path


async def test_a_database_of_before_keeps_its_workers_trusted(second):
    store = await Store.open(second)
    first, bad = await store.read(workers.all)
    revoked = await store.read(workers.revoked_keys)
    new = await store.write(lambda: workers.register(worker(b"n")))
    await store.close()

    assert (first.id, first.name, first.state) == (3, "hel", "approved")
    assert (first.trusted, first.approved_by) == (True, "an older version")
    assert (first.probes, first.last_seen_us) == (("http",), 7)
    assert (bad.state, bad.trusted) == ("revoked", False)
    assert revoked == {bytes([5]) * 32}
    assert (new.id, new.name) == (42, "hel-2"), "no number is used again"
    with contextlib.closing(sqlite3.connect(f"{second}.before-0003")) as copy:
        assert copy.execute("SELECT count(*) FROM worker").fetchone() == (2,)
