"""Tests of both databases: a fresh place for each test, and who runs on which.

A test that takes ``place`` or ``store`` runs on each engine of its folder, or on
those that ``@pytest.mark.engines(…)`` names.
"""

import asyncio

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


class Places:
    """Fresh databases on one server, copies of one that is migrated."""

    def __init__(self, server):
        self.server = server
        self._template = None

    def make(self):
        """Return the name of a new database with all its tables."""
        if self._template is None:
            name = self.server.fresh()
            asyncio.run(_opened_once(self.server.url(name)))
            self._template = name
        return self.server.fresh(self._template)


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
    name = places.make()
    yield places.server.url(name)
    places.server.drop(name)


@pytest.fixture
def place(engine, request, tmp_path):
    """Where a fresh database is, on the engine of this run."""
    if engine == "sqlite":
        return tmp_path / "pangea.db"
    return request.getfixturevalue("postgres")


@pytest.fixture
async def store(place):
    """An open database."""
    opened = await Store.open(place)
    yield opened
    await opened.close()
