"""The two probers, and the servers that both are sent to."""

from collections.abc import AsyncIterator, Iterator

import pytest

from pangea.probes.tools import Tools
from tests.needs import need
from tests.oracle.blackbox import Blackbox, blackbox
from tests.oracle.table import SCENARIOS, Table
from tests.oracle.world import world


@pytest.fixture(scope="session")
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """The servers, by the words of the scenarios."""
    need("prometheus-blackbox-exporter", "nginx", "unbound", "openssl")
    with world(tmp_path_factory.mktemp("oracle")) as made:
        yield made


@pytest.fixture(scope="session")
def oracle(
    words: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Blackbox]:
    """The blackbox_exporter, with a module for each scenario."""
    place = tmp_path_factory.mktemp("blackbox")
    with blackbox(place, SCENARIOS, words) as running:
        yield running


@pytest.fixture(scope="session")
def table() -> Iterator[Table]:
    """What was compared; printed at the end for ``pytest -s``."""
    table = Table()
    yield table
    print(f"\n\n{table}")


@pytest.fixture
async def tools() -> AsyncIterator[Tools]:
    tools = Tools()
    yield tools
    await tools.close()
