"""What the coordinator tells Prometheus, over a real one."""

import asyncio
import gc
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pangea.coordinator.lag import WINDOW_S, Lag
from pangea.coordinator.metrics_service import VERDICTS, MetricsService
from pangea.core.model import FIRST_ORG, Flag, Job, Outcome, Result, Worker
from pangea.web.api_metrics import in_slices
from tests.coordinator.conftest import CLOCK, row
from tests.coordinator.test_moving import add
from tests.coordinator.test_suppression import Scene

READINGS = {"status": 200, "http_version": "1.1", "final_url": "https://a/"}
PHASES = dict.fromkeys(("resolve", "connect", "tls", "first_byte", "transfer"), 1.5)


def scraped(world, org=FIRST_ORG):
    """Return the samples: name → labels as text → value."""
    found: dict[str, dict[str, float]] = {}
    text = "".join(MetricsService(world.coordinator).scrape(org))
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            said = ",".join(sample.labels.values())
            held = found.setdefault(sample.name, {})
            assert said not in held, "a series stands there once"
            held[said] = sample.value
    return found


@pytest.fixture
async def scene(world):
    made = Scene(world)
    await made.start()
    return made


async def test_an_outage_is_told_in_numbers_and_then_no_longer(scene, world):
    job = await add(world, "web", target="http://10.1.0.9/")
    await scene.up(job)
    before = scraped(world)
    assert "probe_http_status_code" not in before, "nobody had looked"
    assert before["pangea_job_verdict"] == {"web": VERDICTS.index("up")}
    assert before["probe_success"] == {"web,a": 1, "web,b": 1}
    assert before["probe_duration_seconds"] == {"web,a": 0.005, "web,b": 0.005}
    assert "pangea_job_first_fail_timestamp_seconds" not in before
    await scene.down(job)
    await scene.until(lambda: world.coordinator.intake.taken == 6)
    during = scraped(world)
    assert during["pangea_job_verdict"] == {"web": VERDICTS.index("down")}
    assert during["probe_success"] == {"web,a": 0, "web,b": 0}
    first = during["pangea_job_first_fail_timestamp_seconds"]["web"]
    assert time.time() - 30 < first < time.time()
    assert during["pangea_job_confirmed_timestamp_seconds"]["web"] >= first
    assert during["pangea_incidents_open"] == {"": 1}
    assert during["pangea_jobs"]["down"] == 1
    assert during["pangea_results_total"] == {"": 6}
    assert during["pangea_worker_connected"] == {"a": 1, "b": 1}
    assert during["process_resident_memory_bytes"][""] > 1e6
    await scene.up(job)
    assert "pangea_job_confirmed_timestamp_seconds" not in scraped(world)


async def test_a_result_whose_vote_would_have_ended_is_told_no_longer(scene, world):
    job = await add(world, "web", interval_s=10.0, timeout_s=1.0)
    scraped(world)
    await scene.say(job, Outcome.OK, ahead=-25.0)
    await scene.ends[1].report([row(job, readings=READINGS)])
    await scene.until(lambda: world.coordinator.intake.taken == 2)
    found = scraped(world)
    assert found["probe_success"] == {"web,b": 1}
    assert found["probe_http_status_code"] == {"web,b": 200}


async def test_what_an_unwell_worker_failed_is_not_told(scene, world):
    job = await add(world)
    scraped(world)
    sick = row(job, 0, Outcome.FAILED, flags=Flag.SICK)
    await scene.ends[0].report([sick])
    await scene.until(lambda: world.coordinator.intake.taken == 1)
    found = scraped(world)
    assert "probe_success" not in found
    assert found["pangea_probe_timestamp_seconds"].keys() == {"web,a"}


async def test_others_see_none_of_it(scene, world):
    await add(world)
    found = scraped(world, org=2)
    assert not {"pangea_job_verdict", "pangea_worker_connected"} & found.keys()
    assert found["pangea_incidents_open"] == {"": 0}


async def test_ten_thousand_jobs_hold_nobody_up(world):
    """Each piece of 30,000 pairs of job and worker is made in a moment."""
    board = world.coordinator.board
    for number in range(1, 4):
        board.workers[number] = Worker(
            id=number, key=bytes([number]) * 32, name=f"w{number}", probes=("http",)
        )
    now = round(time.time() * 1e6)
    board.latest.look(now)
    for number in range(1, 10_001):
        board.put_job(
            Job(
                id=number,
                name=f"job-{number}",
                type="http",
                target=f"https://{number}.test/",
                interval_s=60.0,
                timeout_s=10.0,
            )
        )
        for worker in (1, 2, 3):
            result = Result(
                job=number,
                started_at_us=now,
                duration_ms=5.0,
                outcome=Outcome.OK,
                phases=PHASES,
                readings=READINGS,
                worker=worker,
            )
            board.latest.add(result, "http")
    gc.freeze()  # as a coordinator does once it is up
    took, size, begun = [], 0, time.thread_time()
    for part in in_slices(MetricsService(world.coordinator).scrape(FIRST_ORG)):
        size += len(part)
        took.append(time.thread_time() - begun)
        await asyncio.sleep(0)
        begun = time.thread_time()
    assert size > 20_000_000
    # On a slow machine each takes longer, but not one more of the whole.
    assert max(took) < max(0.05, sum(took) / 20)


def test_the_worst_lag_is_forgotten_after_a_minute_or_two():
    lag = Lag(CLOCK)
    lag.note(0.2, 100.0)
    lag.note(0.01, 101.0)
    assert lag.worst_s == 0.2
    lag.note(0.02, 100.0 + WINDOW_S)
    assert lag.worst_s == 0.2
    lag.note(0.03, 100.0 + 2 * WINDOW_S)
    assert lag.worst_s == 0.03
