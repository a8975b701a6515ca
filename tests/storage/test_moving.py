"""A database is moved whole, or not at all, and answers as before."""

import asyncio
import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from pangea.core.errors import ConfigError, Conflict, StorageError
from pangea.storage import jobs, settings
from pangea.storage.database import Store
from pangea.storage.moving import fill, into_file, refuse_full, take_out
from tests.storage.lived import answers, content, live, tables
from tests.storage.made import job

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """The file of a database that has lived."""
    path = tmp_path_factory.mktemp("lived") / "pangea.db"
    asyncio.run(live(path))
    return path


@pytest.fixture
def lived(once, tmp_path):
    return Path(shutil.copy(once, tmp_path / "pangea.db"))


@pytest.fixture
def url(places):
    """The URL of a database without tables."""
    name = places.another()
    yield places.server.url(name)
    places.server.drop(name)


def silent(doing, done, of):
    pass


async def moved(*given):
    return await asyncio.to_thread(fill, *given, silent)


async def back(url, path):
    return await asyncio.to_thread(into_file, url, path, silent)


async def test_all_is_there_and_back_again(lived, url, tmp_path):
    before, told = content(lived), []
    there = await asyncio.to_thread(
        fill, lived, url, lambda doing, done, of: told.append((doing, done, of))
    )
    assert content(lived) == before, "what is moved stays as it is"
    with contextlib.closing(sqlite3.connect(lived)) as link:
        assert {c.table for c in there} == {*tables(link), "result"}
    assert all(c.same and c.rows == c.arrived > 0 for c in there)
    assert {doing for doing, _, _ in told} == {"copying", "comparing"}
    assert all(done <= of for _, done, of in told)
    assert await back(url, tmp_path / "back.db") == there
    assert content(tmp_path / "back.db") == before
    assert (tmp_path / "back.db").stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob(".*.part"))


async def test_it_answers_as_before(lived, url, tmp_path):
    before = await answers(lived)
    assert before[0][0][3] == 1800
    await moved(lived, url)
    assert await answers(url) == before
    await back(url, tmp_path / "back.db")
    assert await answers(tmp_path / "back.db") == before


async def test_ids_that_were_given_are_not_given_again(lived, url, tmp_path):
    """The newest job was removed: its number stays its own."""
    await moved(lived, url)
    store = await Store.open(url)
    assert (await store.write(lambda: jobs.add(job("new")))).id == 4
    await store.write(lambda: jobs.remove(4))
    await store.close()
    await back(url, tmp_path / "back.db")
    store = await Store.open(tmp_path / "back.db")
    assert (await store.write(lambda: jobs.add(job("newer")))).id == 5
    await store.close()


async def test_one_that_is_not_empty_is_refused_and_stays_as_it_is(
    lived, url, places, tmp_path
):
    await asyncio.to_thread(refuse_full, url)
    await moved(lived, url)
    for refused in (moved(lived, url), asyncio.to_thread(refuse_full, url)):
        with pytest.raises(Conflict, match=r"not empty: there is something in acc"):
            await refused
    await back(url, tmp_path / "back.db")
    with pytest.raises(Conflict, match="there already"):
        await back(url, tmp_path / "back.db")
    name = places.another()
    places.server.sql(
        "CREATE TABLE theirs (a int)", "INSERT INTO theirs VALUES (1)", name=name
    )
    with pytest.raises(Conflict, match="something in theirs"):
        await moved(lived, places.server.url(name))


async def test_nobody_may_use_either_meanwhile(lived, url, tmp_path):
    store = await Store.open(lived)
    with pytest.raises(ConfigError, match="in use by another process"):
        await moved(lived, url)
    await store.close()
    await moved(lived, url)
    store = await Store.open(url)
    with pytest.raises(ConfigError, match="in use by another coordinator"):
        await back(url, tmp_path / "back.db")
    await store.close()
    assert not (tmp_path / "back.db").exists()


@pytest.mark.parametrize(
    ("value", "told"), [("'x'", "at_us is str, not int"), ("1.5", "is float, not int")]
)
async def test_what_only_sqlite_holds_is_named_and_nothing_is_kept(
    lived, url, value, told
):
    with contextlib.closing(sqlite3.connect(lived)) as link, link:
        link.execute(f"UPDATE note SET at_us = {value} WHERE id = 8")
    with pytest.raises(StorageError, match=rf"table note at or after id 8 .*{told}"):
        await moved(lived, url)
    await asyncio.to_thread(refuse_full, url)


async def test_text_that_postgres_cannot_hold_is_told(lived, url):
    with contextlib.closing(sqlite3.connect(lived)) as link, link:
        link.execute("UPDATE setting SET value = 'a' || char(0) || 'b'")
    with pytest.raises(StorageError, match="a row of the table setting"):
        await moved(lived, url)
    await asyncio.to_thread(refuse_full, url)


async def test_what_arrives_otherwise_is_noticed_and_undone(lived, places, url):
    await (await Store.open(url)).close()
    name = url.partition("@/")[2].partition("?")[0]
    places.server.sql(
        "CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN NEW.text := NEW.text || ''!''; RETURN NEW; END'",
        "CREATE TRIGGER other BEFORE INSERT ON note"
        " FOR EACH ROW EXECUTE FUNCTION other()",
        name=name,
    )
    with pytest.raises(StorageError, match=r"not what was sent: note 3 → 3"):
        await moved(lived, url)
    places.server.sql("DROP TRIGGER other ON note", name=name)
    await moved(lived, url)


async def test_a_copy_is_of_one_moment_while_a_coordinator_writes(lived, url, tmp_path):
    await moved(lived, url)
    store = await Store.open(url)
    copying = asyncio.create_task(
        asyncio.to_thread(take_out, url, tmp_path / "copy.db", silent)
    )
    number = 0
    while not copying.done():
        number += 1
        for key in ("first", "second"):
            await store.write(lambda k=key, n=number: settings.put(k, str(n)))
    assert all(c.same for c in await copying)
    await store.close()
    assert number > 3
    copied = await answers(tmp_path / "copy.db")
    assert copied == await answers(url)


async def test_an_older_schema_and_what_is_not_ours_are_refused(
    url, places, tmp_path, lived
):
    with contextlib.closing(sqlite3.connect(lived)) as link, link:
        link.execute("DELETE FROM schema_migration WHERE name > '0012_z'")
    with pytest.raises(ConfigError, match="has schema 0012_channels") as caught:
        await moved(lived, url)
    assert "start this Pangea on it once" in caught.value.hint
    with pytest.raises(ConfigError, match="not one of Pangea"):
        await back(url, tmp_path / "back.db")
    with pytest.raises(StorageError, match="Connection refused") as caught:
        await back("postgresql://nobody@127.0.0.1:1/x", tmp_path / "back.db")
    assert caught.value.hint == "is the server running, and are host and port right?"
    assert not (tmp_path / "back.db").exists()


class StoppedError(Exception):
    """Somebody wants no more of it."""


def stop(doing, done, of):
    if done > of // 2:
        raise StoppedError


async def test_who_stops_in_the_middle_leaves_nothing(lived, url, tmp_path):
    with pytest.raises(StoppedError):
        await asyncio.to_thread(fill, lived, url, stop)
    await moved(lived, url)
    with pytest.raises(StoppedError):
        await asyncio.to_thread(take_out, url, tmp_path / "copy.db", stop)
    assert not (tmp_path / "copy.db").exists()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_a_server_that_stops_in_the_middle_is_told_and_it_is_done_again(
    lived, tmp_path, places, how
):
    from tests.postgres import Server

    server = Server()
    url = server.url(server.fresh())

    def ends(doing, done, of):
        if done > of // 2 and server.process.poll() is None:
            server.stop(how)

    try:
        with pytest.raises(StorageError, match=r"terminating|unexpectedly") as caught:
            await asyncio.to_thread(fill, lived, url, ends)
        assert "tried again" not in caught.value.hint
        server.start()
        await moved(lived, url)
        with pytest.raises(StorageError, match=r"terminating|unexpectedly"):
            await asyncio.to_thread(into_file, url, tmp_path / "back.db", ends)
        assert not list(tmp_path.glob("*back.db*"))
        server.start()
        await back(url, tmp_path / "back.db")
        assert content(tmp_path / "back.db") == content(lived)
    finally:
        server.close()


KILLED = """
import os, sys
from pathlib import Path
from pangea.storage.moving import fill, into_file

which, path, url, stage = sys.argv[1:]

def tell(doing, done, of):
    if doing == stage and done > of // 2:
        os.kill(os.getpid(), 9)

fill(Path(path), url, tell) if which == "fill" else into_file(url, Path(path), tell)
"""


def killed(*given):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", KILLED, *map(str, given)],
        capture_output=True, text=True, timeout=50, check=False, env=environment,
    )  # fmt: skip
    assert ran.returncode == -signal.SIGKILL, ran.stderr


@pytest.mark.parametrize("stage", ["copying", "comparing"])
async def test_one_that_was_killed_left_nothing_and_is_done_again(
    lived, url, tmp_path, stage
):
    killed("fill", lived, url, stage)
    there = await moved(lived, url)
    assert all(c.same for c in there)
    killed("into_file", tmp_path / "back.db", url, stage)
    assert not (tmp_path / "back.db").exists()
    assert await back(url, tmp_path / "back.db") == there
    assert content(tmp_path / "back.db") == content(lived)
