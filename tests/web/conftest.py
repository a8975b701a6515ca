import pytest
import pytest_asyncio

from tests.needs import chromium as path_of_chromium
from tests.seeded_site import chromium
from tests.web.site import serving


@pytest.fixture
async def site():
    async with serving() as served:
        yield served


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser():
    """One browser for all tests of this process; a page has its own context."""
    async with chromium(path_of_chromium()) as running:
        yield running
