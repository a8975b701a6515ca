"""Migrations: forward, backed up, and never backward."""

import contextlib
import sqlite3
import stat

import pytest

from pangea.core.errors import ConfigError
from pangea.storage import jobs
from pangea.storage.connection import WRITER, connect, db
from pangea.storage.database import Store
from pangea.storage.schema import SCRIPTS, migrate
from pangea.storage.sqlite_link import SqliteLink
from tests.storage.made import job

NEWEST = max(script.stem for script in SCRIPTS.glob("0*.py"))

SECOND = """
def up(migrator, db):
    db.execute_sql("ALTER TABLE job ADD COLUMN extra TEXT")
"""
BROKEN = """
def up(migrator, db):
    db.execute_sql("ALTER TABLE job ADD COLUMN extra TEXT")
    db.execute_sql("ALTER TABLE nothing ADD COLUMN extra TEXT")
"""


@pytest.fixture
async def path(tmp_path):
    """Return a database of the present version with a job in it."""
    store = await Store.open(tmp_path / "pangea.db")
    await store.write(lambda: jobs.add(job()))
    await store.close()
    return tmp_path / "pangea.db"


@pytest.fixture
def scripts(tmp_path):
    folder = tmp_path / "scripts"
    folder.mkdir()
    for script in SCRIPTS.glob("0*.py"):
        (folder / script.name).write_text(script.read_text())
    return folder


def migrated(path, scripts):
    connect(path, WRITER)
    try:
        return migrate(path, scripts)
    finally:
        db.close()


def columns(path):
    with contextlib.closing(sqlite3.connect(path)) as link:
        return [row[1] for row in link.execute("PRAGMA table_info(job)")]


def test_a_database_with_content_is_copied_before_it_is_migrated(path, scripts):
    (scripts / "0098_extra.py").write_text(SECOND)
    assert migrated(path, scripts) == ["0098_extra"]
    copy = path.with_name("pangea.db.before-0098")
    assert "extra" in columns(path)
    assert "extra" not in columns(copy)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert migrated(path, scripts) == []


def test_a_copy_that_finds_no_room_leaves_nothing_behind(path, scripts, monkeypatch):
    (scripts / "0098_extra.py").write_text(SECOND)

    def full(link, target):
        target.execute("CREATE TABLE some (x)")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(SqliteLink, "backup", full)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        migrated(path, scripts)
    assert not list(path.parent.glob("*.before*"))
    assert "extra" not in columns(path)


def test_a_migration_that_fails_leaves_the_database_as_it_was(path, scripts):
    (scripts / "0098_broken.py").write_text(BROKEN)
    with pytest.raises(Exception, match="nothing"):
        migrated(path, scripts)
    assert "extra" not in columns(path)


async def test_a_newer_schema_is_refused_naming_both_and_the_way_out(path, scripts):
    (scripts / "0099_future.py").write_text(SECOND)
    migrated(path, scripts)
    with pytest.raises(
        ConfigError, match=f"0099_future.*knows only {NEWEST}"
    ) as caught:
        await Store.open(path)
    assert "pangea.db.before-0099" in caught.value.hint


def test_a_new_database_needs_no_copy(tmp_path, scripts):
    migrated(tmp_path / "new.db", scripts)
    assert not list(tmp_path.glob("new.db.before*"))
