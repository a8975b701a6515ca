"""Group commit, isolation of callers, and files that cannot be used."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import stat
import subprocess
import sys

import pytest

from pangea.core.errors import ConfigError, Conflict, StorageError
from pangea.storage import jobs, settings
from pangea.storage.connection import connection, db
from pangea.storage.database import Store
from pangea.storage.writer import after_commit
from tests.storage.made import job


def fail():
    settings.put("half", "written")
    raise Conflict("no")


async def test_what_was_written_is_read(store):
    await store.write(lambda: settings.put("a", "1"))
    assert await store.read(lambda: settings.get("a")) == "1"


async def test_a_caller_that_fails_undoes_its_own_work_alone(store):
    wanted = [lambda: settings.put("a", "1"), fail, lambda: settings.put("b", "2")]
    answers = await asyncio.gather(
        *(store.write(fn) for fn in wanted), return_exceptions=True
    )
    assert isinstance(answers[1], Conflict)
    values = [await store.read(lambda k=k: settings.get(k)) for k in ("a", "half", "b")]
    assert values == ["1", None, "2"]


async def test_writes_happen_in_the_order_they_were_asked_for(store):
    seen = []
    await asyncio.gather(*(store.write(lambda i=i: seen.append(i)) for i in range(900)))
    assert seen == list(range(900))


@pytest.mark.engines("sqlite")
async def test_callers_that_wait_share_one_commit(store):
    frames = []
    count = lambda: frames.append(connection().total_changes)  # noqa: E731
    before = store.path.with_name("pangea.db-wal").stat().st_size
    one = lambda: settings.put("a", "x")  # noqa: E731
    await asyncio.gather(*(store.write(one) for _ in range(200)), store.write(count))
    grown = store.path.with_name("pangea.db-wal").stat().st_size - before
    assert grown < 20 * 4200, "two hundred writes of one page made as many frames"


async def test_what_waits_for_the_commit_runs_after_it_and_not_for_a_failure(store):
    told = []

    def good():
        after_commit(lambda: told.append(connection().in_transaction))

    def bad():
        after_commit(lambda: told.append("bad"))
        raise Conflict("no")

    await asyncio.gather(
        store.write(good), store.write(bad), store.write(good), return_exceptions=True
    )
    assert told == [False, False]


async def test_a_write_that_fails_alone_leaves_nothing_behind(store):
    def bad():
        settings.put("a", "1")
        after_commit(lambda: pytest.fail("it was undone"))
        raise Conflict("no")

    with pytest.raises(Conflict):
        await store.write(bad)
    assert await store.read(lambda: settings.get("a")) is None
    await store.write(lambda: settings.put("b", "2"))
    assert await store.read(lambda: settings.get("b")) == "2"


async def test_when_memory_cannot_follow_a_commit_later_writes_fail_and_none_hangs(
    store, caplog
):
    def breaks():
        settings.put("a", "1")
        after_commit(lambda: {}["bucket"])

    async with asyncio.timeout(20):
        await store.write(breaks)
        for _ in range(2):
            with pytest.raises(StorageError, match=r"KeyError\('bucket'\)"):
                await store.write(lambda: settings.put("b", "2"))
    assert await store.read(lambda: settings.get("a")) == "1"
    assert await store.read(lambda: settings.get("b")) is None
    assert "nothing is stored any more" in caplog.text


async def test_a_reader_cannot_write(store):
    with pytest.raises(StorageError, match=r"read-?only"):
        await store.read(lambda: settings.put("a", "1"))


async def test_a_statement_that_is_refused_is_a_storage_error(store):
    with pytest.raises(StorageError, match="absent"):
        await store.write(lambda: db.execute_sql("DELETE FROM absent"))
    await store.write(lambda: settings.put("still", "works"))


@pytest.mark.engines("sqlite")
async def test_a_full_database_fails_all_of_the_group_and_then_goes_on(store):
    def shrink():
        pages = connection().execute("PRAGMA page_count").fetchone()[0]
        connection().execute(f"PRAGMA max_page_count = {pages + 1}")

    await store.write(shrink)
    big = "x" * 100_000
    answers = await asyncio.gather(
        *(store.write(lambda i=i: settings.put(f"k{i}", big)) for i in range(3)),
        return_exceptions=True,
    )
    full = "the database refused: database or disk is full"
    assert [str(a) for a in answers] == [full] * 3
    assert all(isinstance(a, StorageError) and a.hint for a in answers)
    await store.write(lambda: connection().execute("PRAGMA max_page_count = 100000"))
    await store.write(lambda: settings.put("k", big))
    assert await store.read(lambda: settings.get("k0")) is None


FILLS_THE_DISK = """
mount -t tmpfs -o size=2m tmpfs "$1" && exec "$2" - "$1" <<'END'
import asyncio, sys
from pathlib import Path
from pangea.core.errors import StorageError
from pangea.storage import settings
from pangea.storage.database import Store

async def main(folder):
    store = await Store.open(folder / "pangea.db")
    filler = (folder / "filler").open("wb", buffering=0)
    try:
        while filler.write(bytes(4096)):
            pass
    except OSError:
        pass
    for i in range(2):
        # Small enough to wait in the cache: only COMMIT goes to the disk.
        try:
            await store.write(lambda: settings.put("k", "v"))
        except StorageError as error:
            print(error, "|", error.hint)
    (folder / "filler").unlink()
    filler.close()
    await store.write(lambda: settings.put("k", "after"))
    print(await store.read(lambda: settings.get("k")))
    await store.close()

asyncio.run(main(Path(sys.argv[1])))
END
"""


@pytest.mark.slow
@pytest.mark.netns
def test_a_disk_that_is_full_at_the_commit_is_told_as_that(tmp_path):
    command = ["unshare", "--mount", "sh", "-c", FILLS_THE_DISK, "sh"]
    ran = subprocess.run(
        [*command, str(tmp_path), sys.executable],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    *refused, after = ran.stdout.splitlines()
    told = "the database refused: database or disk is full | make room on the disk"
    assert len(refused) == 2
    assert all(line.startswith(told) for line in refused), refused
    assert after == "after"


async def test_closing_finishes_what_waits_and_leaves_no_journal(tmp_path):
    store = await Store.open(tmp_path / "pangea.db")
    tasks = [
        asyncio.create_task(store.write(lambda i=i: settings.put(f"k{i}", "v")))
        for i in range(50)
    ]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*tasks)
    assert not (tmp_path / "pangea.db-wal").exists()
    with pytest.raises(StorageError, match="closed"):
        await store.write(lambda: None)
    await store.close()


@pytest.mark.engines("sqlite")
async def test_the_files_are_private(store):
    for path in store.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


async def test_two_stores_live_side_by_side(store, tmp_path):
    (tmp_path / "other").mkdir()
    other = await Store.open(tmp_path / "other" / "pangea.db")
    await asyncio.gather(
        store.write(lambda: settings.put("who", "one")),
        other.write(lambda: settings.put("who", "two")),
    )
    assert await store.read(lambda: settings.get("who")) == "one"
    assert await other.read(lambda: settings.get("who")) == "two"
    await other.close()


@pytest.mark.engines("sqlite")
async def test_a_database_in_use_is_refused_with_the_way_out(store):
    with pytest.raises(ConfigError, match="in use") as caught:
        await Store.open(store.path)
    assert "--state-dir" in caught.value.hint
    await store.write(lambda: settings.put("still", "works"))


async def test_a_directory_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written") as caught:
        await Store.open(tmp_path / "file" / "pangea.db")
    assert caught.value.hint


async def test_a_database_path_that_is_a_directory_is_refused(tmp_path):
    (tmp_path / "pangea.db").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        await Store.open(tmp_path / "pangea.db")


@pytest.mark.parametrize(
    "content", [b"not a database" * 500, b"SQLite format 3\0" * 500]
)
async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "pangea.db"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="cannot be opened") as caught:
        await Store.open(path)
    assert "backup" in caught.value.hint
    assert path.read_bytes() == content


async def test_a_database_of_another_program_is_refused(tmp_path):
    path = tmp_path / "pangea.db"
    with contextlib.closing(sqlite3.connect(path)) as link:
        link.execute("CREATE TABLE theirs (a)")
    with pytest.raises(ConfigError, match="not one of Pangea"):
        await Store.open(path)


WRITES_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from pangea.storage import settings
from pangea.storage.database import Store

async def one(store, i):
    await store.write(lambda: settings.put(f"k{i}", "v"))
    print(i, flush=True)

async def main():
    store = await Store.open(Path(sys.argv[1]))
    for i in range(0, 10**9, 20):
        await asyncio.gather(*(one(store, i + k) for k in range(20)))

asyncio.run(main())
"""


@pytest.mark.slow
async def test_what_was_acknowledged_survives_kill_9(tmp_path):
    path = tmp_path / "pangea.db"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITES_UNTIL_KILLED, str(path)], stdout=subprocess.PIPE
    )
    acked = [int(writer.stdout.readline()) for _ in range(300)]
    os.kill(writer.pid, signal.SIGKILL)
    acked += [int(line) for line in writer.stdout.read().split(b"\n")[:-1]]
    writer.stdout.close()
    writer.wait()
    store = await Store.open(path)
    kept = await store.read(
        lambda: {r[0] for r in connection().execute("SELECT key FROM setting")}
    )
    await store.close()
    assert {f"k{i}" for i in acked} <= kept


async def test_a_writer_that_was_killed_leaves_no_lock(tmp_path):
    path = tmp_path / "pangea.db"
    with subprocess.Popen(
        [sys.executable, "-c", WRITES_UNTIL_KILLED, str(path)], stdout=subprocess.PIPE
    ) as writer:
        writer.stdout.readline()
        with pytest.raises(ConfigError, match="in use"):
            await Store.open(path)
        writer.kill()
    store = await Store.open(path)
    await store.write(lambda: jobs.add(job()))
    await store.close()
