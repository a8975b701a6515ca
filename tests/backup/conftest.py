"""A coordinator's state directory with something in it, not running."""

import secrets

import pytest

from pangea.backup.keys import Given
from pangea.backup.make import Source
from pangea.coordinator.node import own_worker
from pangea.mesh import identity, secret_ring
from pangea.state_dir import admin_token
from pangea.storage import jobs
from pangea.storage.database import Store
from pangea.vault import Vault
from tests.engines import begun
from tests.storage.made import job

KEY = Given("key-file", secrets.token_bytes(32))


@pytest.fixture
async def source(tmp_path):
    """Return a coordinator of three jobs."""
    place = tmp_path / "state"
    place.mkdir(mode=0o700)
    identity.load_or_create(place / "node.key")
    own_worker(place)
    secret_ring.load_or_create(place / "secrets.json")
    Vault.load_or_create(place / "vault.key")
    admin_token(place / "admin.token")
    store = await Store.open(begun(place / "pangea.db"))
    for name in ("a", "b", "c"):
        await store.write(lambda name=name: jobs.add(job(name)))
    await store.close()
    return Source(place, place / "pangea.db", "london")
