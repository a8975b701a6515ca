"""Nobody goes on with a database that was moved elsewhere, unless it is said."""

import stat

import pytest

from pangea.backup.make import Source, refuse
from pangea.core.errors import ConfigError
from pangea.doctor.database import database
from pangea.moved import NAME, note_moved, read_moved, refuse_moved
from tests.doctor.test_database import a_coordinator, a_database

URL = "postgresql://pangea:s3cret@db.example/pangea?sslpassword=hush"
SHOWN = "postgresql://pangea@db.example/pangea"


def note(place, source="pangea.db", target=URL):
    note_moved(place, str(place / source), target, results=7, rows=9)


@pytest.fixture
def state(tmp_path):
    place = tmp_path / "state"
    place.mkdir(mode=0o700)
    return place


def test_what_was_moved_is_refused_with_the_way_on_and_the_way_back(state):
    note(state)
    with pytest.raises(
        ConfigError, match=r"moved to postgres.* on \d{4}-\d\d-\d\d$"
    ) as told:
        refuse_moved(state, f"{state}/pangea.db")
    assert told.value.exit_code == 78
    assert f"give --database '{SHOWN}'" in told.value.hint
    assert f"remove {state / NAME} to go back" in told.value.hint
    kept = (state / NAME).read_bytes()
    assert stat.S_IMODE((state / NAME).stat().st_mode) == 0o600
    assert (b"s3cret" in kept, b"hush" in kept) == (False, False)


def test_what_was_not_moved_is_not_refused(state):
    refuse_moved(state, state / "pangea.db")
    note(state)
    refuse_moved(state, URL)
    refuse_moved(state, state / "another.db")
    (state / NAME).unlink()
    refuse_moved(state, state / "pangea.db")


def test_a_state_directory_with_its_note_may_itself_be_moved(state, tmp_path):
    note(state)
    moved = state.rename(tmp_path / "elsewhere")
    with pytest.raises(ConfigError):
        refuse_moved(moved, moved / "pangea.db")


def test_a_file_elsewhere_is_known_by_its_path(state, tmp_path):
    note_moved(state, str(tmp_path / "big.db"), URL, results=0, rows=0)
    refuse_moved(state, state / "pangea.db")
    with pytest.raises(ConfigError):
        refuse_moved(state, tmp_path / "big.db")


def test_the_way_back_says_where_it_is_now_and_home_there_is_no_note(state, tmp_path):
    note_moved(state, URL, str(state / "new.db"), results=0, rows=0)
    assert read_moved(state) is None
    note(state)
    note_moved(state, URL, str(tmp_path / "new.db"), results=8, rows=10)
    found = read_moved(state)
    assert (found.source, found.target) == ("pangea.db", str(tmp_path / "new.db"))
    note_moved(state, URL, str(state / "pangea.db"), results=8, rows=10)
    assert not (state / NAME).exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"source": 7}', b"\xff"])
def test_a_note_that_cannot_be_read_is_told(state, content):
    (state / NAME).write_bytes(content)
    (state / NAME).chmod(0o600)
    with pytest.raises(ConfigError, match="damaged"):
        refuse_moved(state, state / "pangea.db")


async def test_a_backup_of_it_is_refused_and_the_doctor_fails(state, tmp_path):
    await a_database(state)
    note(state)
    source = Source(state, state / "pangea.db", "lon")
    with pytest.raises(ConfigError, match="was moved to"):
        refuse(source, tmp_path / "f.backup", force=False)
    refuse(Source(state, URL, "lon"), tmp_path / "f.backup", force=False)
    (row,) = database(a_coordinator(state))
    assert (row.level, "was moved to" in row.found) == ("fail", True)
    assert str(state / NAME) in row.next
