"""A coordinator is lost and restored from its backup: its workers bring the rest."""

import json
import time
from datetime import datetime

import pytest

from tests.e2e.cluster import Cluster, wait_for
from tests.e2e.test_nothing_is_lost import NAMES, Counting, account, begin, end, rises

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def target():
    made = Counting()
    yield made
    made.shutdown()
    made.server_close()


def move(cluster: Cluster, name: str) -> None:
    """Let the coordinator be one with another state directory from now on."""
    cluster.coordinator = cluster._node(name, *cluster.coordinator.arguments)


def test_a_coordinator_restored_elsewhere_gets_all_that_its_backup_lacks(
    cluster: Cluster, target: Counting
):
    begin(cluster, target)
    cluster.env |= {"PANGEA_BACKUP_PASSPHRASE": "correct horse battery"}
    file = str(cluster.place / "pangea.backup")
    made = json.loads(cluster.cli("backup", file, "--json").stdout)
    assert made["rows"]["job"] == len(NAMES)
    token = (cluster.coordinator.state_dir / "admin.token").read_bytes()
    key = cluster.api("/workers/hel")["id"]
    time.sleep(10)
    cluster.coordinator.kill()
    rises(target)

    move(cluster, "elsewhere")
    told = cluster.cli("restore", file).stdout
    assert f"restored {len(NAMES)} jobs" in told
    cluster.start()
    found = end(cluster)
    account(found, target, kills=0)
    assert cluster.api("/workers/hel")["id"] == key
    assert (cluster.coordinator.state_dir / "admin.token").read_bytes() == token
    after = datetime.fromisoformat(made["made_at"]).timestamp()
    times = [
        datetime.fromisoformat(r["started_at"]).timestamp() for r in found["job-0"]
    ]
    between = [at for at in times if after < at < after + 9]
    assert len(between) >= 7, "made after the backup, and lost with the first"
    assert cluster.api("/workers/hel/gaps")["items"] == []


def test_the_own_worker_of_a_restored_coordinator_keeps_what_it_has(
    cluster: Cluster, target: Counting
):
    key, kept = cluster.place / "backup.key", cluster.place / "backups"
    cluster.env |= {
        "PANGEA_BACKUP_DIR": str(kept),
    }
    assert cluster.coordinator.start().process.wait(20) == 78
    assert "no backup.key_file" in cluster.coordinator.said()
    cluster.env |= {"PANGEA_BACKUP_KEY_FILE": str(key)}
    cluster.cli("backup", "--new-key", str(key))
    cluster.start()
    wait_for(lambda: "local" in cluster.connected(), 20, "its own worker joins")
    cluster.cli(
        *("job", "add", "http", f"http://127.0.0.1:{target.server_port}/own"),
        *("--name", "own", "--on", "local", "--every", "1s", "--timeout", "900ms"),
    )
    wait_for(lambda: len(cluster.results("own")) > 2, 20, "first results")
    cluster.cli("backup", "--now")
    wait_for(lambda: cluster.api("/status")["backup"]["kept"], 10, "a backup")
    (file,) = kept.glob("local-*.backup")
    assert "1 kept" in cluster.cli("status").stdout
    cluster.cli("backup", str(file), code=6)
    before = len(cluster.results("own"))
    wait_for(lambda: len(cluster.results("own")) > before + 4, 20, "more results")
    cluster.cli("restore", str(file), "--force", code=78)
    cluster.coordinator.kill()
    wait_for(
        lambda: cluster.cli("restore", str(file), "--force", code=None).returncode == 0,
        20,
        "its own worker is gone, too",
    )
    assert list(cluster.coordinator.state_dir.glob("before-restore-*/pangea.db"))
    cluster.start()
    wait_for(lambda: "local" in cluster.connected(), 20, "the worker is back")
    cluster.cli("job", "stop", "own")
    wait_for(
        lambda: target.seen["own"] - len(cluster.results("own")) in (0, 1),
        20,
        "what the backup lacked is sent again",
    )
    starts = [result["started_at"] for result in cluster.results("own")]
    assert len(starts) == len(set(starts))
