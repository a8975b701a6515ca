"""A real history goes to a server and on to a file, and not one result is lost."""

import pytest

from tests.e2e.cluster import Cluster
from tests.e2e.test_nothing_is_lost import (
    NAMES,
    Counting,
    account,
    begin,
    end,
    rises,
    target,
)
from tests.needs import need

__all__ = ["target"]
pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def url():
    need("postgres")
    from tests.postgres import Server

    server = Server()
    yield server.url(server.fresh())
    server.close()


def test_a_coordinator_moves_to_postgres_and_is_restored_to_a_file(
    cluster: Cluster, target: Counting, url: str
):
    begin(cluster, target)
    assert cluster.coordinator.stop() == 0
    rises(target)
    moved = cluster.cli("migrate", "--to", url)
    assert "read back, and the same as in" in moved.stderr
    assert " NO" not in moved.stdout

    first = cluster.coordinator.arguments
    cluster.coordinator.arguments = (*first, "--database", url)
    cluster.start()
    rises(target)
    cluster.env |= {
        "PANGEA_BACKUP_PASSPHRASE": "correct horse battery",
        "PANGEA_DATABASE": url,
    }
    file = str(cluster.place / "pangea.backup")
    made = cluster.cli("backup", file).stdout
    assert f"backed up to {file}: {len(NAMES)} jobs" in made
    cluster.coordinator.kill()
    rises(target)

    del cluster.env["PANGEA_DATABASE"]
    cluster.coordinator = cluster._node("elsewhere", *first)
    assert "restored" in cluster.cli("restore", file).stdout
    cluster.start()
    account(end(cluster), target, kills=0)
