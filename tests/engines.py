"""Tests of both databases: a fresh place for each test, and who runs on which.

A test that takes ``place`` or ``store`` runs on each engine of its folder, or on
those that ``@pytest.mark.engines(…)`` names.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pangea.storage.database import Store
from tests.needs import need

BOTH = ("sqlite", "postgres")


def spread(metafunc, usual=BOTH):
    """Let a test run once for each engine."""
    if "place" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("engines")
        engines = marker.args if marker else usual
        metafunc.parametrize("engine", engines, scope="function")


#: Makes a database as it was after its migrations; to copy one takes ten times as long.
EMPTY = """DO $$ DECLARE it text; BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    FOR it IN SELECT oid::regclass FROM pg_class WHERE relispartition
        AND relkind = 'r' AND relname NOT LIKE '%_rest' LOOP
        EXECUTE 'DROP TABLE ' || it;
    END LOOP;
    FOR it IN SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'p')
        AND relnamespace = 'public'::regnamespace AND NOT relispartition
        AND relname <> 'schema_migration' LOOP
        EXECUTE 'DELETE FROM ' || it;
    END LOOP;
    FOR it IN SELECT quote_ident(sequencename) FROM pg_sequences
        WHERE last_value IS NOT NULL AND sequencename NOT LIKE 'schema%' LOOP
        PERFORM setval(it, 1, false);
    END LOOP;
END $$"""


class Places:
    """Databases on one server: one for each test in turn, and others."""

    def __init__(self, server):
        self.server = server
        self._usual = None

    def usual(self):
        """Return the URL of a database with all its tables, and nothing in them."""
        if self._usual is None:
            self._usual = self.server.fresh()
            asyncio.run(_opened_once(self.server.url(self._usual)))
        else:
            self.server.sql(EMPTY, name=self._usual)
        return self.server.url(self._usual)

    def another(self):
        """Return the name of a new database without tables."""
        return self.server.fresh()


@cache
def _tables():
    """Return the bytes of a file with all tables and nothing in them."""
    with TemporaryDirectory() as place, ThreadPoolExecutor(1) as aside:
        path = Path(place) / "pangea.db"
        aside.submit(lambda: asyncio.run(_opened_once(path))).result()
        return path.read_bytes()


def begun(path):
    """Return *path*, where there is a database now if there was none.

    Migrations wait for the disk a dozen times, which costs more than most tests.
    """
    if not path.exists():
        path.write_bytes(_tables())
    return path


async def _opened_once(url):
    store = await Store.open(url)
    await store.close()


@pytest.fixture(scope="session")
def places():
    """The places on a server that lives as long as this process tests."""
    need("postgres")
    from tests.postgres import Server

    server = Server()
    yield Places(server)
    server.close()


@pytest.fixture
def postgres(places):
    """The URL of a fresh database on PostgreSQL."""
    return places.usual()


@pytest.fixture
def place(engine, request, tmp_path):
    """Where a fresh database is, on the engine of this run."""
    if engine == "sqlite":
        return tmp_path / "pangea.db"
    return request.getfixturevalue("postgres")


@pytest.fixture
async def store(place):
    """An open database."""
    opened = await Store.open(begun(place) if isinstance(place, Path) else place)
    yield opened
    await opened.close()


async def open_quickly(url, **patience):
    """Open with little patience, for what is to be refused."""
    from pangea.storage.postgres import PostgresEngine
    from pangea.storage.postgres_session import Patience

    little = Patience(server=0.0, connect=2.0, statement=0.4, lock=0.3, owner=0.3)
    store = Store(PostgresEngine(url, little._replace(**patience)))
    await asyncio.to_thread(store._open)
    return store


@pytest.fixture
async def quick(postgres):
    """An open database that is waited for only shortly."""
    opened = await open_quickly(postgres)
    yield opened
    await opened.close()
