"""`pangea backup` and `pangea restore`: what they ask, say and refuse."""

import json
import os

import pytest

from pangea.mesh import identity
from pangea.storage.database import Store
from tests.needs import need

pytestmark = pytest.mark.slow  # argon2id is, on purpose

PHRASE = "correct horse battery"


@pytest.fixture
async def state(tmp_path):
    """Make the state directory of a coordinator."""
    place = tmp_path / "state"
    place.mkdir(mode=0o700)
    identity.load_or_create(place / "node.key")
    await (await Store.open(place / "pangea.db")).close()
    return place


@pytest.fixture
def phrase(monkeypatch):
    monkeypatch.setenv("PANGEA_BACKUP_PASSPHRASE", PHRASE)


def test_a_backup_is_made_listed_checked_and_restored(run, state, tmp_path, phrase):
    made = run("backup", "f.backup")
    assert made.exit_code == 0, made.output
    assert "backed up to f.backup: 0 jobs, 0 workers, 0 results and" in made.stdout
    assert "read back, and whole" in made.stdout
    listed = json.loads(run("backup", "--list", "f.backup", "--json").stdout)
    assert (listed["engine"], listed["sealed_with"]) == ("sqlite", "passphrase")
    assert "f.backup is whole: 0 jobs" in run("backup", "--check", "f.backup").stdout
    done = run("restore", "f.backup", "--state-dir", str(tmp_path / "new"))
    assert done.exit_code == 0, done.output
    assert f"start it: pangea --state-dir {tmp_path / 'new'} run\n" in done.stdout
    kept = (tmp_path / "new" / "node.key").read_bytes()
    assert kept == (state / "node.key").read_bytes()


def test_what_is_there_is_a_conflict(run, state, phrase):
    assert run("backup", "f.backup").exit_code == 0
    again = run("backup", "f.backup")
    assert (again.exit_code, "there already" in again.stderr) == (6, True)
    full = run("restore", "f.backup")
    assert (full.exit_code, "is not empty" in full.stderr) == (6, True)
    assert run("backup", "f.backup", "--force").exit_code == 0
    done = run("restore", "f.backup", "--force")
    assert "what was there is in" in done.stdout


def test_a_wrong_pass_phrase_is_not_allowed(run, state, phrase, tmp_path):
    run("backup", "f.backup")
    (tmp_path / "phrase").write_text("another phrase\nsecond line\n")
    for words in (("backup", "--check"), ("restore", "--state-dir", "new")):
        wrong = run(*words, "f.backup", "--passphrase-file", "phrase")
        assert wrong.exit_code == 4
        assert "that is not the pass phrase of f.backup" in wrong.stderr


def test_without_a_terminal_it_says_how_to_give_a_pass_phrase(run, state):
    asked = run("backup", "f.backup")
    assert asked.exit_code == 2
    assert "--passphrase-file, --key-file or PANGEA_BACKUP_PASSPHRASE" in asked.stderr
    assert not os.path.exists("f.backup")


def test_a_key_file_opens_what_it_has_sealed(run, state, phrase):
    assert "keep a copy" in run("backup", "--new-key", "key").stdout
    assert run("backup", "--new-key", "key").exit_code == 2
    assert run("backup", "f.backup", "--key-file", "key").exit_code == 0
    assert run("backup", "--check", "f.backup", "--key-file", "key").exit_code == 0
    lacks = run("backup", "--check", "f.backup")
    assert (lacks.exit_code, "add --key-file F" in lacks.stderr) == (2, True)


def test_a_pass_phrase_on_the_line_beats_a_key_of_the_environment(
    run, state, monkeypatch, tmp_path
):
    run("backup", "--new-key", "key")
    monkeypatch.setenv("PANGEA_BACKUP_KEY_FILE", "key")
    (tmp_path / "phrase").write_text(PHRASE)
    run("backup", "a.backup", "--passphrase-file", "phrase")
    run("backup", "b.backup")
    kinds = [
        json.loads(run("backup", "--list", name, "--json").stdout)["sealed_with"]
        for name in ("a.backup", "b.backup")
    ]
    assert kinds == ["passphrase", "key-file"]


def test_a_coordinator_elsewhere_is_backed_up_there(run, state, phrase):
    far = run("backup", "f.backup", "--server", "http://192.0.2.1:7464")
    assert far.exit_code == 2
    assert "is made on its own machine" in far.stderr


def test_no_coordinator_is_not_found_before_anything_is_asked(run):
    none = run("backup", "f.backup")
    assert (none.exit_code, "no coordinator's database" in none.stderr) == (3, True)


def test_a_state_directory_of_another_user_is_left_alone(run, state, phrase):
    need("root")
    os.chown(state, 12345, 12345)
    other = run("backup", "f.backup")
    assert (other.exit_code, "belongs to #12345" in other.stderr) == (4, True)
    assert sorted(os.listdir(state)) == ["node.key", "pangea.db", "pangea.db.lock"]


def test_questions_that_make_no_sense_are_refused(run, state):
    assert run("backup").exit_code == 2
    assert run("backup", "--list", "--check", "f").exit_code == 2
    assert run("backup", "--now", "f").exit_code == 2
    assert "no such file" in run("backup", "--list", "f").stderr


def test_now_asks_the_coordinator(run, api):
    api.on("POST /api/v1/backups", {"name": "lon-1.backup"}, 202)
    assert "makes lon-1.backup" in run("backup", "--now").stdout


def test_a_database_elsewhere_is_backed_up_and_told_after_a_restore(
    run, state, phrase, monkeypatch, tmp_path
):
    (state / "pangea.db").rename(tmp_path / "other.db")
    monkeypatch.setenv("PANGEA_DATABASE", str(tmp_path / "other.db"))
    assert run("backup", "f.backup").exit_code == 0
    done = run("restore", "f.backup", "--state-dir", "new")
    assert done.exit_code == 0
    assert "move it there from new/pangea.db" in done.stderr
