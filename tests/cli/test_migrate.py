"""`pangea migrate`: what it prints, what it refuses, and what it says to do next."""

import json
import stat

import pytest

from pangea.mesh import identity
from pangea.storage import jobs
from pangea.storage.database import Store
from tests.engines import places
from tests.storage.made import job

__all__ = ["places"]


@pytest.fixture
async def state(tmp_path):
    """Make the state directory of a coordinator with one job."""
    place = tmp_path / "state"
    place.mkdir(mode=0o700)
    identity.load_or_create(place / "node.key")
    store = await Store.open(place / "pangea.db")
    await store.write(lambda: jobs.add(job("router")))
    await store.close()
    return place


def test_a_history_goes_to_a_server_and_comes_back(run, state, places, tmp_path):
    url = places.server.url(places.another(), tcp=True)
    done = run("migrate", "--to", url)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["TABLE", "SQLITE", "POSTGRESQL", "THE", "SAME"]
    assert ["job", "1", "1", "yes"] in [line.split() for line in lines]
    assert lines[-1].split() == ["result", "0", "0", "yes"]
    assert "read back, and the same as in" in done.stderr
    assert "PANGEA_DATABASE, or pangea run --database 'postgresql://" in done.stderr
    note = state / "moved"
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    kept = json.loads(note.read_text())
    assert (kept["source"], kept["results"]) == ("pangea.db", 0)
    assert kept["target"].startswith("postgresql://")
    for secret in ("p@ss", "p%40ss", "w:rd", "w%3Ard"):
        assert secret not in done.output + note.read_text()
    again = run("migrate", "--to", url)
    assert (again.exit_code, "is not empty" in again.stderr) == (6, True)
    new = tmp_path / "new.db"
    back = run("migrate", "--database", url, "--to", f"sqlite:{new}", "--json")
    assert back.exit_code == 0, back.output
    rows = {row["table"]: row for row in json.loads(back.stdout)}
    assert rows["job"] == {"table": "job", "postgresql": 1, "sqlite": 1, "same": True}
    assert new.is_file()
    assert json.loads(note.read_text())["target"] == str(new)
    (state / "pangea.db").rename(tmp_path / "old.db")
    home = ("migrate", "--database", url, "--to", f"sqlite:{state / 'pangea.db'}")
    assert run(*home).exit_code == 0
    assert not note.exists()


@pytest.mark.parametrize(
    ("to", "code", "told"),
    [
        ("mysql://x", 2, "wanted postgresql://USER@HOST/NAME or sqlite:PATH"),
        ("elsewhere.db", 2, "wanted postgresql://USER@HOST/NAME or sqlite:PATH"),
        ("sqlite:new.db", 2, "is a file already"),
        ("postgresql://a:b@c@d/x", 2, "write @ in a user or password as %40"),
    ],
)
def test_what_it_does_not_do_is_told(run, state, to, code, told):
    refused = run("migrate", "--to", to)
    assert (refused.exit_code, told in refused.stderr) == (code, True)


def test_from_server_to_server_is_for_others(run, state):
    url = "postgresql://x@127.0.0.1:1/x"
    refused = run("migrate", "--database", url, "--to", url)
    assert (refused.exit_code, "pg_dump" in refused.stderr) == (2, True)


def test_where_no_coordinator_is_nothing_is_moved(run, tmp_path):
    url = "postgresql://x@127.0.0.1:1/x"
    refused = run("migrate", "--to", url, "--state-dir", str(tmp_path / "no"))
    assert (refused.exit_code, "no state directory" in refused.stderr) == (3, True)
    (tmp_path / "no").mkdir()
    refused = run("migrate", "--to", url, "--state-dir", str(tmp_path / "no"))
    assert (refused.exit_code, "no coordinator's data" in refused.stderr) == (3, True)
