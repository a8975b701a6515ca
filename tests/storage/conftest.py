"""A real database in a fresh directory."""

import pytest

from pangea.storage.database import Store


@pytest.fixture
async def store(tmp_path):
    opened = await Store.open(tmp_path / "pangea.db")
    yield opened
    await opened.close()
