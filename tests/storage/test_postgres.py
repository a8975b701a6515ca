"""A real server: what it refuses is told with what to do, what breaks comes back."""

import asyncio
import logging
import signal
import threading
import time

import pytest

from pangea.core.errors import ConfigError, Conflict, StorageError
from pangea.storage import ingest, jobs, results, settings
from pangea.storage.connection import connection
from pangea.storage.database import Store
from pangea.storage.ingest import Intake
from pangea.storage.rollups import OpenBuckets
from tests.engines import open_quickly
from tests.needs import need
from tests.storage.made import T0, job, result


@pytest.fixture(scope="module")
def own():
    """A server that a test may stop."""
    need("postgres")
    from tests.postgres import Server

    server = Server()
    yield server
    server.close()


@pytest.fixture
async def stopping(own):
    """A store on a server that may stop, and the server."""
    if own.process.poll() is not None:
        own.start()
    name = own.fresh()
    store = await open_quickly(own.url(name), statement=30.0)
    yield store, own
    if own.process.poll() is not None:
        own.start()
    await store.close()


def rows(count, first=1):
    return [result(n) for n in range(first, first + count)]


def take(store, first, count, buckets=None):
    batch = Intake(worker=1, epoch="e", first=first, rows=rows(count, first))
    return store.write(lambda: ingest.commit([batch], T0, buckets=buckets))


async def test_it_remembers_what_was_stored(postgres):
    store = await Store.open(postgres)
    added = await store.write(lambda: jobs.add(job(options={"a": [1, 2.5, "x"]})))
    await take(store, 1, 2_000)
    await store.close()
    store = await Store.open(postgres)
    assert await store.read(jobs.all) == [added]
    page = await store.read(lambda: results.query(1, limit=5_000))
    assert page.items == rows(2_000)[::-1]
    assert await store.read(lambda: ingest.watermarks(1)) == {"e": 2_000}
    await store.close()


async def test_values_come_back_as_they_do_from_a_file(quick):
    def ask():
        link = connection()
        return link.execute(
            "SELECT sum(n), avg(n), ?, ?, ?, ? FROM (SELECT 9000000000 AS n"
            " UNION ALL SELECT 1) AS numbers",
            (True, b"\0\xff", 1.5, -(1 << 63)),
        ).fetchone()

    assert await quick.read(ask) == (9_000_000_001, 4500000000.5, 1, b"\0\xff", 1.5,
                                     -(1 << 63))  # fmt: skip


async def test_rows_are_copied_in_bulk(quick):
    made = [(f"k{n}", "a\tb\\N\n☃") for n in range(1000)]
    await quick.write(lambda: connection().copy("setting", "key, value", made))
    assert await quick.read(lambda: settings.get("k999")) == "a\tb\\N\n☃"


@pytest.mark.parametrize(
    ("value", "error"), [("a\0b", ValueError), (1 << 63, OverflowError)]
)
async def test_what_no_column_can_hold_is_no_fault_of_the_database(quick, value, error):
    sql = "INSERT INTO setting (key, value) VALUES ('k', CAST(? AS TEXT))"
    with pytest.raises(error):
        await quick.write(lambda: connection().execute(sql, (value,)))
    await quick.write(lambda: settings.put("still", "works"))


async def test_who_fails_within_a_group_undoes_its_own_work_alone(quick):
    def breaks():
        settings.put("half", "written")
        connection().execute(
            "SELECT 1 / (SELECT count(*) FROM setting WHERE key = 'x')"
        )

    def named():
        jobs.add(job())

    done = await asyncio.gather(
        quick.write(named), quick.write(breaks), quick.write(named),
        quick.write(lambda: settings.put("b", "2")), return_exceptions=True,
    )  # fmt: skip
    assert [type(one) for one in done] == [type(None), ValueError, Conflict, type(None)]
    assert await quick.read(lambda: settings.get("half")) is None
    assert await quick.read(lambda: settings.get("b")) == "2"


async def test_a_second_coordinator_is_refused_and_told_who_is_there(quick, postgres):
    with pytest.raises(ConfigError, match="in use by another coordinator: pangea wri"):
        await open_quickly(postgres)
    await quick.close()
    again = await open_quickly(postgres)
    await again.close()


@pytest.mark.parametrize(
    ("change", "told", "hint"),
    [
        ({"password": "wrong-one"}, "password authentication failed", "passfile"),
        ({"name": "absent"}, 'database "absent" does not exist', "createdb"),
    ],
)
async def test_a_door_that_stays_shut_is_told_without_the_password(
    places, change, told, hint
):
    url = places.server.url(**{"tcp": True, **change})
    with pytest.raises(ConfigError, match=told) as caught:
        await open_quickly(url)
    assert hint in caught.value.hint
    said = f"{caught.value} {caught.value.hint}"
    for secret in ("wrong-one", "p@ss", "p%40ss", "w:rd", "w%3Ard"):
        assert secret not in said
    assert "postgresql://tester@127.0.0.1" in said


async def test_a_server_that_is_not_there_is_told_and_may_come(own):
    own.stop()
    with pytest.raises(StorageError, match="cannot be opened") as caught:
        await open_quickly(own.url("postgres"))
    assert "is the server running" in caught.value.hint
    name = threading.Timer(0.5, own.start)
    name.start()
    store = await open_quickly(own.url("postgres"), server=20.0)
    await store.close()
    name.join()
    own.sql("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")


async def test_a_database_of_somebody_else_is_left_alone(places):
    name = places.another()
    places.server.sql("CREATE TABLE theirs (a int)", name=name)
    with pytest.raises(ConfigError, match="not one of Pangea") as caught:
        await open_quickly(places.server.url(name))
    assert "of its own" in caught.value.hint


async def test_one_that_cannot_hold_all_text_is_refused(places):
    name = places.another()
    places.server.sql(
        f"CREATE DATABASE {name}_l ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'"
    )
    with pytest.raises(ConfigError, match="encoded in LATIN1"):
        await open_quickly(places.server.url(f"{name}_l"))


async def test_who_may_not_make_tables_is_told_what_to_ask_for(places):
    name = places.another()
    places.server.sql("CREATE ROLE guest LOGIN", name=name)
    with pytest.raises(ConfigError, match="permission denied") as caught:
        await open_quickly(places.server.url(name, user="guest"))
    assert "OWNER TO" in caught.value.hint
    places.server.sql("DROP ROLE guest")


async def test_a_newer_schema_is_refused_with_the_way_back(places, postgres):
    store = await Store.open(postgres)
    put = "INSERT INTO schema_migration (name, applied) VALUES ('0999_later', now())"
    await store.write(lambda: connection().execute(put))
    await store.close()
    with pytest.raises(ConfigError, match="has schema 0999_later") as caught:
        await open_quickly(postgres)
    assert "backup" in caught.value.hint
    name = postgres.partition("@/")[2].partition("?")[0]
    places.server.sql(
        "DELETE FROM schema_migration WHERE name = '0999_later'", name=name
    )


async def test_a_migration_that_fails_leaves_nothing_behind(places, tmp_path):
    from pangea.storage import schema

    for script in schema.SCRIPTS.glob("0*.py"):
        (tmp_path / script.name).write_text(script.read_text())
    (tmp_path / "0998_breaks.py").write_text(
        "def up(migrator, db):\n"
        "    db.execute_sql('CREATE TABLE half (a INTEGER)')\n"
        "    db.execute_sql('ALTER TABLE absent ADD COLUMN a INTEGER')\n"
    )
    name = places.another()
    url = places.server.url(name)
    store = await Store.open(url)
    with pytest.raises(StorageError, match="absent"):
        await store.write(lambda: schema.migrate(store.engine, tmp_path))
    assert await store.read(lambda: settings.get("half")) is None
    assert places.server.sql("SELECT to_regclass('half')", name=name) == [(None,)]
    await store.close()


async def test_a_server_that_restarts_while_nothing_is_written_goes_unnoticed(stopping):
    store, server = stopping
    await store.write(lambda: settings.put("a", "1"))
    assert await store.read(lambda: settings.get("a")) == "1"
    server.stop()
    server.start()
    await store.write(lambda: settings.put("b", "2"))
    assert await store.read(lambda: settings.get("a")) == "1"
    assert await store.read(lambda: settings.get("b")) == "2"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_while_the_server_is_away_writes_are_refused_and_go_on_after(
    stopping, how
):
    store, server = stopping
    await take(store, 1, 10)
    server.stop(how)
    with pytest.raises(StorageError) as caught:
        await take(store, 11, 10)
    assert caught.value.hint
    with pytest.raises(StorageError):
        await store.read(lambda: settings.get("a"))
    server.start()
    assert await take(store, 11, 10) == {(1, "e"): 20}
    page = await store.read(lambda: results.query(1, limit=100))
    assert page.items == rows(20)[::-1]


async def test_a_session_that_is_ended_in_the_middle_loses_its_turn_alone(stopping):
    store, _ = stopping

    def ended():
        settings.put("half", "written")
        connection().execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(StorageError, match="terminating connection") as caught:
        await store.write(ended)
    assert "tried again" in caught.value.hint
    await store.write(lambda: settings.put("a", "1"))
    assert await store.read(lambda: settings.get("half")) is None
    assert await store.read(lambda: settings.get("a")) == "1"


@pytest.mark.parametrize("stored", [True, False])
async def test_a_commit_that_breaks_is_counted_once_whatever_became_of_it(
    stopping, monkeypatch, stored
):
    """The answer to COMMIT is lost: only the server knows what became of it."""
    store, _ = stopping
    buckets = OpenBuckets()
    await take(store, 1, 10, buckets)
    from pangea.storage.postgres_link import PostgresLink

    real, broken = PostgresLink.commit, []

    def commit(link):
        if broken or not link._number:
            return real(link)
        broken.append(1)
        if stored:
            link._session.execute("COMMIT")
        link._session.pgconn.finish()
        return real(link)

    monkeypatch.setattr(PostgresLink, "commit", commit)
    if stored:
        assert await take(store, 11, 10, buckets) == {(1, "e"): 20}
    else:
        with pytest.raises(StorageError):
            await take(store, 11, 10, buckets)
        assert buckets.rows == 10
    assert await take(store, 11, 10, buckets) == {(1, "e"): 20}
    assert buckets.rows == 20, "memory follows what was stored, once"
    page = await store.read(lambda: results.query(1, limit=100))
    assert page.items == rows(20)[::-1]


async def test_others_are_refused_while_a_commit_is_in_doubt(stopping, monkeypatch):
    store, server = stopping
    from pangea.storage.postgres_link import PostgresLink

    real, broken = PostgresLink.commit, []

    def commit(link):
        if not broken:
            broken.append(1)
            server.stop(signal.SIGQUIT)
        return real(link)

    monkeypatch.setattr(PostgresLink, "commit", commit)
    first = asyncio.create_task(store.write(lambda: settings.put("a", "1")))
    while not broken:
        await asyncio.sleep(0.02)
    with pytest.raises(StorageError):
        await store.write(lambda: settings.put("b", "2"))
    assert not first.done()
    server.start()
    with pytest.raises(StorageError):
        await first
    await store.write(lambda: settings.put("b", "2"))
    assert await store.read(lambda: settings.get("a")) is None


async def test_another_coordinator_that_took_over_is_not_written_over(quick, postgres):
    def leave():
        connection().execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(StorageError):
        await quick.write(leave)
    other = await open_quickly(postgres)
    with pytest.raises(StorageError, match="in use by another coordinator"):
        await quick.write(lambda: settings.put("a", "1"))
    await other.close()
    await quick.write(lambda: settings.put("a", "1"))


async def test_a_server_that_is_read_only_is_told(quick, places, postgres):
    name = postgres.partition("@/")[2].partition("?")[0]
    only = f"ALTER DATABASE {name} SET default_transaction_read_only = "
    places.server.sql(f"{only} on")
    await asyncio.gather(_broken(quick), return_exceptions=True)
    with pytest.raises(StorageError, match="read-only transaction") as caught:
        await quick.write(lambda: settings.put("a", "1"))
    assert "standby or set to read only" in caught.value.hint
    places.server.sql(f"{only} off")
    await asyncio.gather(_broken(quick), return_exceptions=True)
    await quick.write(lambda: settings.put("a", "1"))


def _broken(store):
    return store.write(
        lambda: connection().execute("SELECT pg_terminate_backend(pg_backend_pid())")
    )


async def test_a_server_without_connections_is_told(places, postgres):
    name = postgres.partition("@/")[2].partition("?")[0]
    places.server.sql(
        "CREATE ROLE few LOGIN CONNECTION LIMIT 1",
        f"GRANT ALL ON DATABASE {name} TO few",
        "GRANT tester TO few",
        "ALTER ROLE few SET ROLE tester",
    )
    url = postgres.replace("tester@", "few@")
    store = await open_quickly(url)
    await store.write(lambda: settings.put("a", "1"))
    with pytest.raises(StorageError, match="too many connections") as caught:
        await store.read(lambda: settings.get("a"))
    assert "max_connections" in caught.value.hint
    places.server.sql("ALTER ROLE few CONNECTION LIMIT 5")
    assert await store.read(lambda: settings.get("a")) == "1"
    await store.close()


async def test_a_server_that_is_slow_is_told_and_holds_up_nobody_for_ever(quick):
    began = time.monotonic()
    with pytest.raises(StorageError, match="statement timeout") as caught:
        await quick.write(lambda: connection().execute("SELECT pg_sleep(30)"))
    assert time.monotonic() - began < 20
    assert "takes too long" in caught.value.hint
    await quick.write(lambda: settings.put("still", "works"))


async def test_a_lock_of_another_session_is_told(quick, places, postgres):
    import psycopg

    with psycopg.connect(postgres) as other:
        other.execute("LOCK TABLE setting")
        with pytest.raises(StorageError, match="lock timeout") as caught:
            await quick.write(lambda: settings.put("a", "1"))
    assert "another session holds a lock" in caught.value.hint
    await quick.write(lambda: settings.put("a", "1"))


async def test_a_password_is_nowhere_in_what_is_logged(own, caplog):
    caplog.set_level(logging.DEBUG)
    url = own.url("postgres", tcp=True)
    store = await open_quickly(url)
    own.stop()
    with pytest.raises(StorageError) as caught:
        await store.write(lambda: settings.put("a", "1"))
    own.start()
    await store.write(lambda: settings.put("a", "1"))
    shown = own.sql("SELECT application_name, query FROM pg_stat_activity")
    await store.close()
    said = (
        f"{caplog.text} {caught.value} {caught.value.hint} {shown} {store.engine.place}"
    )
    assert "p@ss" not in said
    assert "p%40ss" not in said
    own.sql("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
