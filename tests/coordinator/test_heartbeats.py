"""Jobs that report in by push."""

import pytest

from pangea.coordinator.coordinator import Coordinator
from pangea.coordinator.heartbeats import Heartbeats, expected_after, grace_of
from pangea.coordinator.past_service import PastService
from pangea.core.errors import Conflict, NotFound, UsageError
from pangea.core.model import FIRST_ORG, Job, Outcome
from pangea.vault import Vault
from pangea.web.schema import JobSpec, PushQuery
from tests.coordinator.conftest import CLOCK
from tests.mesh.fakes import Stillness

SPEC = JobSpec(
    type="heartbeat",
    target="backup",
    name="backup",
    interval_s=3600.0,
    options={"grace": "10m"},
)


def job(**more):
    said = {
        "id": 7,
        "name": "b",
        "type": "heartbeat",
        "target": "backup",
        "interval_s": 3600.0,
        "timeout_s": 10.0,
        **more,
    }
    return Job(**said)


@pytest.mark.parametrize(
    ("options", "interval", "grace"),
    [({}, 3600.0, 720.0), ({}, 60.0, 30.0), ({"grace": "5m"}, 3600.0, 300.0)],
)
def test_the_grace_is_a_share_of_the_interval_unless_given(options, interval, grace):
    assert grace_of(job(options=options, interval_s=interval)) == grace


def test_a_report_is_expected_after_the_interval_or_by_the_clock():
    by_cron = job(options={"cron": "30 2 * * *", "timezone": "Europe/Helsinki"})
    midnight = 1_767_225_600.0  # 2026-01-01 00:00 UTC

    assert expected_after(job(), midnight) == midnight + 3600
    assert expected_after(by_cron, midnight) == midnight + 1800
    assert expected_after(by_cron, midnight + 1800) == midnight + 1800 + 86400


@pytest.mark.parametrize(
    "options",
    [
        {"cron": "every day"},
        {"cron": "0 0 31 2 *"},
        {"cron": "0 0 * * *", "timezone": "Mars"},
    ],
)
def test_a_schedule_that_never_comes_is_refused(options):
    with pytest.raises(UsageError):
        expected_after(job(options=options), 0.0)


def test_a_miss_is_told_once_and_a_report_ends_it():
    clock = Stillness()
    beats, watched = Heartbeats(Vault(bytes(32)), clock), job(created_at_us=0)
    beats.put(watched, clock.now)
    jobs = {7: watched}
    clock.now += 3600 + 719
    assert beats.missed(jobs.get) == []
    clock.now += 2
    (miss,) = beats.missed(jobs.get)
    assert (miss.outcome, miss.reason) == (Outcome.FAILED, "missed")
    assert "1h12m" in miss.detail
    assert beats.missed(jobs.get) == []

    assert beats.beat(watched, Outcome.OK, "", 5.0).outcome is Outcome.OK
    clock.now += 3600 + 721
    assert len(beats.missed(jobs.get)) == 1


def test_our_own_downtime_extends_the_grace():
    clock = Stillness()
    last, clock.now = clock.now, clock.now + 86400
    beats, watched = Heartbeats(Vault(bytes(32)), clock), job(created_at_us=0)
    beats.put(watched, last)

    assert beats.missed({7: watched}.get) == []
    clock.now += 721
    assert len(beats.missed({7: watched}.get)) == 1


def test_the_address_is_stable_and_nobody_can_guess_it():
    first, second = (
        Heartbeats(Vault(bytes(32)), Stillness()),
        Heartbeats(Vault(bytes([1]) * 32), Stillness()),
    )
    token = first.token(job())

    assert token == first.token(job(name="renamed"))
    assert token != second.token(job())
    assert len(token) == 24
    with pytest.raises(NotFound):
        first.job(token)


async def test_a_report_makes_it_up_and_a_bad_one_down_at_once(world):
    added = await world.service.add_job(FIRST_ORG, SPEC, dry_run=False)
    token = added.job.push_path.rpartition("/")[2]
    assert "told" in added.cost.words
    assert [v.worker for v in added.job.votes] == ["coordinator"]
    assert added.job.verdict_reason == "waits for its first report"
    told = world.coordinator.reasons.explaining.now(
        world.coordinator.board.job("backup")
    )
    assert (told.rule, told.voices[0].why) == ("report", "nothing was reported yet")

    past = PastService(world.coordinator, world.service)
    then = await past.job_at(FIRST_ORG, "backup", round(CLOCK.wall() * 1e6))
    assert then.verdict_reason == added.job.verdict_reason

    answer = await world.service.push(token, PushQuery())
    up = await world.service.job(FIRST_ORG, "backup")
    await world.service.push(token, PushQuery(outcome="failed", detail="disk\x1bfull"))
    down = await world.service.job(FIRST_ORG, "backup")
    await world.service.push(token, PushQuery(duration_ms=90_000.0))
    again = await world.service.job(FIRST_ORG, "backup")

    assert answer.job == "backup"
    assert [j.verdict for j in (up, down, again)] == ["up", "down", "up"]
    assert up.next_before == answer.next_before > added.job.next_before
    assert down.verdict_reason == "disk\\x1bfull"
    assert again.verdict_reason == "it reported in time"
    assert down.votes[0].detail == "disk\\x1bfull"
    await world.service.remove_job(FIRST_ORG, "backup")
    with pytest.raises(NotFound):
        await world.service.push(token, PushQuery())


async def test_nobody_can_ask_what_reports_by_itself(world):
    await world.service.add_job(FIRST_ORG, SPEC, dry_run=False)
    with pytest.raises(Conflict, match="reports by itself"):
        await world.service.run_job(FIRST_ORG, "backup")


async def test_what_was_stopped_for_long_is_waited_for_anew(world):
    added = await world.service.add_job(FIRST_ORG, SPEC, dry_run=False)
    beats, board = world.coordinator.heartbeats, world.coordinator.board
    await world.service.stop_job(FIRST_ORG, "backup", None)
    beats._last[added.job.id] -= 86400
    started = await world.service.start_job(FIRST_ORG, "backup", None)
    assert beats.missed(board.jobs.get) == []
    assert started.next_before >= added.job.next_before


async def test_a_restart_remembers_the_last_report(world, store, tmp_path):
    added = await world.service.add_job(FIRST_ORG, SPEC, dry_run=False)
    token = added.job.push_path.rpartition("/")[2]
    await world.service.push(token, PushQuery())
    kept = world.coordinator.heartbeats._last[added.job.id]

    again = type(world)(store, tmp_path)
    await again.start()
    assert isinstance(again.coordinator, Coordinator)
    assert again.coordinator.heartbeats._last[added.job.id] == pytest.approx(kept)
    assert (await again.service.job(FIRST_ORG, "backup")).verdict == "up"
    await again.service.push(token, PushQuery())
    await again.close()
