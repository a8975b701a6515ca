"""What was restored is what was backed up; what was there is aside."""

import os
import subprocess
import sys

import pytest

from pangea.backup.make import back_up
from pangea.backup.restore import restore
from pangea.core.errors import ConfigError, Conflict
from pangea.state_dir import MOVING, hold
from pangea.storage import jobs
from pangea.storage.database import Store
from tests.backup.conftest import KEY

KEPT = ("node.key", "vault.key", "secrets.json", "admin.token", "worker/node.key")


@pytest.fixture
def made(source, tmp_path):
    path = tmp_path / "f.backup"
    back_up(source, path, KEY)
    return path


async def names(place):
    store = await Store.open(place / "pangea.db")
    found = await store.read(jobs.all)
    await store.close()
    return [job.name for job in found]


async def test_a_restored_directory_has_the_same_keys_and_jobs(source, made, tmp_path):
    place = tmp_path / "new"
    done = restore(made, KEY, place)
    assert done.aside is None
    for name in KEPT:
        assert (place / name).read_bytes() == (source.state_dir / name).read_bytes()
        assert (place / name).stat().st_mode & 0o777 == 0o600
    assert place.stat().st_mode & 0o777 == 0o700
    assert (place / "worker").stat().st_mode & 0o777 == 0o700
    assert await names(place) == ["a", "b", "c"]
    with hold(place):
        pass


async def test_what_is_there_is_moved_aside_and_only_by_force(made, tmp_path):
    place = tmp_path / "old"
    place.mkdir(mode=0o700)
    (place / "precious").write_text("mine")
    with pytest.raises(Conflict, match="not empty"):
        restore(made, KEY, place)
    done = restore(made, KEY, place, force=True)
    assert (done.aside / "precious").read_text() == "mine"
    again = restore(made, KEY, place, force=True)
    assert (again.aside / "node.key").exists()
    assert (done.aside / "precious").read_text() == "mine"
    assert await names(place) == ["a", "b", "c"]


def test_the_own_worker_keeps_its_spool_if_it_is_the_same(source, made):
    (source.state_dir / "worker" / "spool.db").write_text("unsent")
    done = restore(made, KEY, source.state_dir, force=True)
    assert done.kept_worker
    assert (source.state_dir / "worker" / "spool.db").read_text() == "unsent"
    assert (done.aside / "worker" / "spool.db").read_text() == "unsent"


def test_a_coordinator_that_runs_is_not_touched(source, made):
    before = sorted(p.name for p in source.state_dir.iterdir())
    with (
        hold(source.state_dir),
        pytest.raises(ConfigError, match="another pangea runs"),
    ):
        restore(made, KEY, source.state_dir, force=True)
    assert set(before) == {p.name for p in source.state_dir.iterdir()} - {"lock"}


KILLED = """
import os, sys
from pathlib import Path
from pangea.backup.keys import Given
from pangea.backup.restore import restore

path, place = map(Path, sys.argv[1:3])
key, left = sys.argv[3], int(sys.argv[4])

def stop(event, args):
    global left
    if event == "os.rename" and "state" in str(args[0]):
        left -= 1
        if not left:
            os.kill(os.getpid(), 9)

sys.addaudithook(stop)
restore(path, Given("key-file", bytes.fromhex(key)), place, force=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("renames", [1, 3, 9, 12])
async def test_a_restore_that_was_killed_can_be_done_again(source, made, renames):
    place, before = source.state_dir, (source.state_dir / "node.key").read_bytes()
    ran = subprocess.run(
        [sys.executable, "-c", KILLED, made, place, KEY.secret.hex(), str(renames)],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert ran.returncode == -9, ran.stderr
    assert (place / MOVING).exists()
    with pytest.raises(ConfigError, match="was cut short"), hold(place):
        pass
    restore(made, KEY, place, force=True)
    with hold(place):
        assert (place / "node.key").read_bytes() == before
    found = [path.read_bytes() for path in place.rglob("node.key")]
    assert found.count(before) >= 2, "what was there is aside"
    assert await names(place) == ["a", "b", "c"]
    assert not os.path.lexists(place / "restore.part")
