"""A backup is of one moment, sealed, private, and whole or not there."""

import contextlib
import sqlite3
import stat
import subprocess
import sys
import threading

import pytest

from pangea.backup import keys
from pangea.backup.make import back_up, check, read_header
from pangea.backup.workshop import LOCK, PLACE, workshop
from pangea.coordinator.node import keep_name
from pangea.core.errors import Conflict, NotAllowed, NotFound, StorageError, UsageError
from pangea.storage import jobs
from pangea.storage.database import Store
from pangea.storage.snapshot import newest
from tests.backup.conftest import KEY
from tests.needs import need
from tests.storage.made import job


def left(source):
    return sorted(p.name for p in source.state_dir.glob("backup*"))


def test_a_backup_is_private_says_what_it_is_and_gives_nothing_away(source, tmp_path):
    made = back_up(source, tmp_path / "f.backup", KEY)
    header = read_header(tmp_path / "f.backup")
    raw = (tmp_path / "f.backup").read_bytes()
    assert stat.S_IMODE((tmp_path / "f.backup").stat().st_mode) == 0o600
    assert (header.cluster, header.engine, header.schema) == (
        "london",
        "sqlite",
        newest(),
    )
    assert made.facts.words == "3 jobs, 0 workers, 0 results"
    assert made.size == len(raw)
    assert (source.state_dir / "node.key").read_bytes() not in raw
    assert b"SQLite format" not in raw
    assert left(source) == [LOCK]


async def test_a_backup_tells_the_name_that_the_coordinator_was_run_with(
    source, tmp_path
):
    for name in ("hel", "oslo"):
        store = await Store.open(source.database)
        await keep_name(store, name)
        await store.close()
    back_up(source, tmp_path / "f.backup", KEY)
    assert read_header(tmp_path / "f.backup").cluster == "oslo"


def test_a_pass_phrase_opens_it_and_another_does_not(source, tmp_path):
    path = tmp_path / "f.backup"
    back_up(source, path, keys.passphrase("correct horse"))
    assert check(path, keys.passphrase("correct horse"), None).facts.counts["job"] == 3
    with pytest.raises(NotAllowed, match="not the pass phrase"):
        check(path, keys.passphrase("correct house"), None)
    with pytest.raises(UsageError, match="sealed with a pass phrase"):
        check(path, KEY, None)


def test_a_short_pass_phrase_is_refused():
    with pytest.raises(UsageError, match="8 to 1024 bytes, this has 5"):
        keys.passphrase("short")


def test_a_key_file_is_private_and_never_overwritten(tmp_path):
    keys.new_key(tmp_path / "key")
    assert len(keys.read_key(tmp_path / "key").secret) == 32
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    with pytest.raises(UsageError, match="never overwritten"):
        keys.new_key(tmp_path / "key")
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(Exception, match="has 5 bytes, wanted 32"):
        keys.read_key(tmp_path / "key")


def test_what_is_there_is_overwritten_only_by_force(source, tmp_path):
    path = tmp_path / "f.backup"
    path.write_text("mine")
    with pytest.raises(Conflict, match="there already"):
        back_up(source, path, KEY)
    assert path.read_text() == "mine"
    back_up(source, path, KEY, force=True)
    assert check(path, KEY, None).facts.counts["job"] == 3


async def test_it_is_of_one_moment_while_a_coordinator_writes(source, tmp_path):
    store = await Store.open(source.database)
    stop, made = threading.Event(), []

    def again_and_again():
        made.extend(
            back_up(source, tmp_path / f"{number}.backup", KEY) for number in range(3)
        )
        stop.set()

    thread = threading.Thread(target=again_and_again)
    thread.start()
    number = 0
    while not stop.is_set():
        number += 1
        await store.write(lambda n=number: jobs.add(job(f"more-{n}")))
    thread.join()
    await store.close()
    counts = [each.facts.counts["job"] for each in made]
    assert counts == sorted(counts)
    assert len(made) == 3
    assert number > 3


def test_a_second_backup_at_the_same_time_is_refused(source, tmp_path):
    with (
        workshop(source.state_dir),
        pytest.raises(Conflict, match="another backup is being made"),
    ):
        back_up(source, tmp_path / "f.backup", KEY)
    assert not list(tmp_path.glob("*f.backup*"))


def test_a_database_that_another_program_holds_is_told_in_words(
    source, tmp_path, monkeypatch
):
    monkeypatch.setattr("pangea.storage.snapshot.BUSY_S", 0.05)
    with contextlib.closing(sqlite3.connect(source.database)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageError, match="locked") as caught:
            back_up(source, tmp_path / "f.backup", KEY)
    assert "another program holds the database" in caught.value.hint
    assert not list(tmp_path.glob("*f.backup*"))


def test_where_no_coordinator_is_nothing_is_made(tmp_path, source):
    with pytest.raises(NotFound, match="no coordinator's database"):
        back_up(
            type(source)(tmp_path / "no", tmp_path / "no" / "x.db", ""),
            tmp_path / "f.backup",
            KEY,
        )


FULL = """
mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" -c "$3" "$1" "$4"
"""
BACK_UP = """
import sys
from pathlib import Path
from pangea.backup.keys import Given
from pangea.backup.make import Source, back_up
from pangea.core.errors import PangeaError

small, state = map(Path, sys.argv[1:])
try:
    source = Source(state, state / "pangea.db", "x")
    back_up(source, small / "f", Given("key-file", bytes(32)))
except PangeaError as error:
    print(error, "/", error.hint)
print(sorted(p.name for p in small.iterdir()))
print(sorted(p.name for p in state.glob("backup.part*")))
"""


@pytest.mark.slow
def test_a_full_disk_is_told_and_leaves_nothing_behind(source, tmp_path):
    need("root")
    with contextlib.closing(sqlite3.connect(source.database)) as link, link:
        link.execute("INSERT INTO setting VALUES ('large', hex(randomblob(1500000)))")
    (tmp_path / "small").mkdir()
    ran = subprocess.run(
        ["unshare", "--mount", "sh", "-c", FULL, "sh", tmp_path / "small",
         sys.executable, BACK_UP, source.state_dir],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    told, *left_there = ran.stdout.splitlines()
    assert "no space left on device / make room on that disk" in told
    assert left_there == ["[]", "[]"]


KILLED = """
import os, sys
from pathlib import Path
from pangea.backup.keys import Given
from pangea.backup.make import Source, back_up

target, state, stage = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

def tell(doing, done, of):
    if doing == stage:
        print("there", flush=True)
        os.kill(os.getpid(), 9)

source = Source(state, state / "pangea.db", "x")
back_up(source, target, Given("key-file", bytes(32)), tell=tell)
"""


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["copying", "sealing", "reading it back"])
def test_a_kill_leaves_no_half_file_under_the_name(source, tmp_path, stage):
    target = tmp_path / "f.backup"
    ran = subprocess.run(
        [sys.executable, "-c", KILLED, target, source.state_dir, stage],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (-9, "there\n"), ran.stderr
    assert not target.exists()
    assert PLACE in left(source)
    made = back_up(source, target, KEY)
    assert made.facts.counts["job"] == 3
    assert left(source) == [LOCK]
    assert not list(tmp_path.glob(".f.backup*"))
