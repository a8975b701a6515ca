"""From an installed wheel: five kinds of jobs, three workers, and everything breaks."""

import itertools
import re
from collections import Counter

import pytest

from tests.e2e.cluster import Cluster, wait_for
from tests.e2e.targets import Targets
from tests.needs import chromium

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

EVERY = ("--every", "2s", "--timeout", "1s")


def add_jobs(cluster: Cluster, targets: Targets) -> None:
    """Add one job of each type through the command line."""
    local = "127.0.0.1"
    tls = ("--set", f"ca_file={targets.ca_file}", "--set", "server_name=localhost")
    jobs = [
        ("web", "http", f"http://{local}:{targets.http_port}/"),
        ("ping", "icmp", local, "--set", "count=2", "--set", "gap_ms=20"),
        ("name", "dns", "www.test", "--set", f"resolver={local}:{targets.dns_port}"),
        ("cert", "tls", f"{local}:{targets.tls_port}", *tls),
        ("port", "tcp", f"{local}:{targets.tcp_port}", "--set", "expect=220"),
    ]
    for name, *rest in jobs:
        added = cluster.cli("job", "add", *rest, "--name", name, *EVERY)
        assert added.stdout.strip() == name
        assert "costs" in added.stderr


def all_up(cluster: Cluster) -> bool:
    """Tell whether every job is up."""
    verdicts = cluster.verdicts()
    return bool(verdicts) and set(verdicts.values()) == {"up"}


def exactly_once(results: list[dict]) -> None:
    """Check that no run of a probe is stored twice."""
    runs = Counter((r["worker"], r["started_at"]) for r in results)
    assert [run for run, times in runs.items() if times > 1] == []


def all_voted(cluster: Cluster) -> bool:
    """Tell whether every worker says of every job that it is well."""
    good = [
        {v["worker"] for v in job["votes"] if v["outcome"] == "ok"}
        for job in cluster.api("/jobs")["items"]
    ]
    return all(voters == {"local", "hel", "nyc"} for voters in good)


def test_five_kinds_of_jobs_on_three_workers(cluster: Cluster, targets: Targets):
    cluster.start()
    greeting = cluster.coordinator.said()
    code = re.search(r"log in\s+([0-9A-Z-]+)", greeting)[1]
    assert f"http://127.0.0.1:{cluster.port}" in greeting
    wait_for(lambda: cluster.connected() == {"local"}, 15, "the local worker joins")
    for name in ("hel", "nyc"):
        cluster.worker(name).start()
    wait_for(lambda: len(cluster.connected()) == 3, 15, "three workers join")
    add_jobs(cluster, targets)

    wait_for(lambda: all_up(cluster), 30, f"all up, got {cluster.verdicts()}")
    wait_for(lambda: all_voted(cluster), 20, "a good vote of each worker on each job")
    for job in cluster.api("/jobs")["items"]:
        results = cluster.results(job["name"])
        assert all(r["outcome"] == "ok" for r in results), job["name"]
        exactly_once(results)
    shown = cluster.cli("results", "web", "--limit", "5").stdout
    assert "hel" in shown or "nyc" in shown or "local" in shown
    status = cluster.cli("status").stdout
    assert "3 of 3" in status

    targets.stop_http()
    down = "down when its server is gone"
    wait_for(lambda: cluster.verdicts().get("web") == "down", 20, down)
    assert set(cluster.verdicts().values()) == {"up", "down"}
    targets.start_http()
    wait_for(lambda: all_up(cluster), 20, "up again when its server is back")
    see_in_browser(cluster, code)
    assert cluster.coordinator.stop() == 0
    assert "Traceback" not in cluster.coordinator.said()


def see_in_browser(cluster: Cluster, code: str) -> None:
    """Log in with the printed code and read the dashboard as a person does."""
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        page = browser.new_page(base_url=f"http://127.0.0.1:{cluster.port}")
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda m: m.type == "error" and faults.append(m.text))
        page.goto("/login")
        page.fill("input[name=code]", code)
        page.press("input[name=code]", "Enter")
        page.wait_for_url("**/dash")
        for name in ("web", "ping", "name", "cert", "port"):
            assert page.get_by_role("link", name=name, exact=True).first.is_visible()
        page.goto("/jobs/web")
        assert "web" in page.title()
        browser.close()
    assert faults == []


def test_each_part_is_killed_and_nothing_acknowledged_is_lost(
    cluster: Cluster, targets: Targets
):
    cluster.start()
    worker = cluster.worker("hel").start()
    wait_for(lambda: len(cluster.connected()) == 2, 15, "two workers join")
    add_jobs(cluster, targets)
    wait_for(lambda: all_up(cluster), 30, "all up")

    before = cluster.results("web")
    cluster.coordinator.kill()
    wait_for(
        lambda: "is gone" in cluster.coordinator.said(), 10, "the child worker leaves"
    )
    cluster.start()
    wait_for(lambda: len(cluster.connected()) == 2, 30, "both workers are back")
    assert_kept(before, cluster.results("web"))
    wait_for(lambda: all_up(cluster), 30, "all up after the coordinator's death")

    before = cluster.results("web")
    worker.kill()
    wait_for(lambda: cluster.connected() == {"local"}, 15, "the loss is noticed")
    assert set(cluster.verdicts().values()) == {"up"}
    worker.start()
    wait_for(lambda: len(cluster.connected()) == 2, 30, "the worker is back")
    wait_for(
        lambda: new_results(cluster, "hel", before), 20, "it probes without being told"
    )
    assert_kept(before, cluster.results("web"))
    assert worker.stop() == 0
    assert cluster.coordinator.stop() == 0


def new_results(cluster: Cluster, worker: str, before: list[dict]) -> bool:
    """Tell whether *worker* has reported since *before*."""
    newest = max(r["started_at"] for r in before)
    return any(
        r["worker"] == worker and r["started_at"] > newest
        for r in cluster.results("web")
    )


def assert_kept(before: list[dict], after: list[dict]) -> None:
    """Check that all of *before* is still there, and nothing twice."""
    runs = {(r["worker"], r["started_at"]) for r in after}
    assert {(r["worker"], r["started_at"]) for r in before} <= runs
    exactly_once(after)


def test_results_made_during_an_outage_arrive_later(cluster: Cluster, targets: Targets):
    cluster.start()
    cluster.worker("hel").start()
    wait_for(lambda: len(cluster.connected()) == 2, 15, "two workers join")
    cluster.cli(
        *("job", "add", "http", f"http://127.0.0.1:{targets.http_port}/"),
        *("--name", "web", "--on", "hel", "--every", "1s", "--timeout", "500ms"),
    )
    wait_for(lambda: len(cluster.results("web")) > 2, 20, "first results")
    assert cluster.coordinator.stop() == 0
    import time

    time.sleep(5)
    cluster.start()
    wait_for(lambda: "hel" in cluster.connected(), 30, "the worker is back")
    time.sleep(2)
    results = cluster.results("web")
    exactly_once(results)
    starts = sorted(r["started_at"] for r in results)
    seconds = [float(s[17:26]) + 60 * int(s[14:16]) for s in starts]
    gaps = [(b - a) % 3600 for a, b in itertools.pairwise(seconds)]
    assert max(gaps) < 2.5, "probing went on, and every result arrived"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(("job", "add", "htp", "x"), 2, "http", id="unknown type"),
        pytest.param(("job", "add", "http", "http://a b/"), 2, "http://", id="target"),
        pytest.param(
            ("job", "add", "icmp", "127.0.0.1", "--set", "cuont=3"),
            2,
            "count",
            id="unknown option",
        ),
        pytest.param(("job", "show", "nothing"), 3, "nothing", id="no such job"),
        pytest.param(
            ("job", "add", "http", "127.0.0.1", "--on", "mars"), 3, "mars", id="worker"
        ),
    ],
)
def test_bad_input_names_the_next_step(shared, arguments, code, words):
    ran = shared.cli(*arguments, code=code)

    assert words in ran.stderr
    assert ran.stdout == ""


@pytest.fixture(scope="module")
def shared(tmp_path_factory, packages):
    """One coordinator for tests that change nothing."""
    made = Cluster(tmp_path_factory.mktemp("shared"), packages)
    made.start()
    yield made
    made.stop()


def test_a_name_that_is_taken_is_a_conflict(shared):
    arguments = ("job", "add", "tcp", "127.0.0.1:9", "--name", "taken")
    shared.cli(*arguments)
    assert "taken" in shared.cli(*arguments, code=6).stderr


def test_a_taken_port_and_a_held_directory_say_what_to_do(shared):
    port = ("--listen", f"127.0.0.1:{shared.port}")
    other = str(shared.place / "other")
    taken = shared.cli("--state-dir", other, "run", *port, code=78)
    held = shared.cli("run", "--listen", "127.0.0.1:0", code=78)

    assert "--listen" in taken.stderr
    assert "--state-dir" in held.stderr


def test_a_worker_with_a_wrong_secret_ends_with_the_likely_cause(shared):
    wrong = shared.place / "wrong"
    wrong.write_text(shared.cli("secret", "new").stdout)
    wrong.chmod(0o600)
    refused = shared.cli(
        *("--state-dir", str(shared.place / "stranger"), "run", "--role", "worker"),
        *("--join", f"127.0.0.1:{shared.port}", "--secret-file", str(wrong)),
        code=4,
    )

    assert "secret" in refused.stderr
