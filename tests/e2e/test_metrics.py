"""Prometheus' own reading of a real coordinator's numbers."""

import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.cluster import Cluster, wait_for
from tests.e2e.targets import Targets
from tests.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(120)]

EXTRA = {
    ("probe_http_status_code", "web", "local"),
    ("probe_dns_answer_rrs", "name", "local"),
    ("probe_ssl_earliest_cert_expiry", "cert", "local"),
}
EVERY = ("--every", "1s", "--timeout", "500ms")


def scrape(cluster: Cluster, token: str | None = None) -> dict[tuple[str, ...], float]:
    """Return all samples by name and the values of their labels."""
    token = token or (cluster.coordinator.state_dir / "admin.token").read_text().strip()
    request = urllib.request.Request(
        f"http://127.0.0.1:{cluster.port}/metrics",
        headers={"Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = answer.read().decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_prometheus_reads_what_blackbox_exporter_would_say(
    cluster: Cluster, targets: Targets
):
    cluster.start()
    local = "127.0.0.1"
    tls = ("--set", f"ca_file={targets.ca_file}", "--set", "server_name=localhost")
    for name, *more in (
        ("web", "http", f"http://{local}:{targets.http_port}/"),
        ("name", "dns", "www.test", "--set", f"resolver={local}:{targets.dns_port}"),
        ("cert", "tls", f"{local}:{targets.tls_port}", *tls),
        ("gone", "tcp", f"{local}:{free_port()}"),
    ):
        cluster.cli("job", "add", *more, "--name", name, *EVERY)
    wait_for(lambda: cluster.verdicts().get("gone") == "down", 25, "it is down")
    wait_for(
        lambda: [*cluster.verdicts().values()].count("up") == 3, 20, "others are up"
    )
    found = wait_for(
        lambda: (s := scrape(cluster)).keys() >= EXTRA and s,
        10,
        "what is kept from the first scrape on",
    )
    assert found["probe_success", "web", "local"] == 1
    assert found["probe_success", "gone", "local"] == 0
    assert found["probe_http_status_code", "web", "local"] == 200
    assert 0 < found["probe_http_duration_seconds", "web", "local", "processing"] < 1
    assert 0 < found["probe_dns_duration_seconds", "name", "local", "request"] < 1
    assert found["probe_ssl_earliest_cert_expiry", "cert", "local"] > 1e9
    assert found["pangea_job_verdict", "gone"] == 2
    first = found["pangea_job_first_fail_timestamp_seconds", "gone"]
    assert 1e9 < first <= found["pangea_job_confirmed_timestamp_seconds", "gone"]
    assert found["pangea_incidents_open",] == 1
    assert found["pangea_worker_connected", "local"] == 1
    assert found["pangea_storage_trouble",] == 0
    with pytest.raises(urllib.error.HTTPError, match="401"):
        scrape(cluster, "x" * 43)
