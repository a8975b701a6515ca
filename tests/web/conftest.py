import pytest

from tests.web.site import serving


@pytest.fixture
async def site():
    async with serving() as served:
        yield served
