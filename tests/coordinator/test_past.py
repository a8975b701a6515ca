"""The past: what was known when, how long a job was what, and late results."""

import asyncio

import pytest
from msgspec.structs import replace

from pangea.coordinator.past_service import PastService
from pangea.coordinator.trial_service import TrialService
from pangea.core.errors import NotFound
from pangea.core.incident import begin, follow
from pangea.core.model import FIRST_ORG, Outcome, Verdict
from pangea.core.uptime import Span
from pangea.core.verdict import Transition
from pangea.storage import incidents, lateness, log_then, settings, verdicts
from tests.coordinator.conftest import CLOCK, row
from tests.engines import BOTH

pytestmark = pytest.mark.engines(*BOTH)

S = 1_000_000
OK, FAILED = Outcome.OK, Outcome.FAILED


def now_us(seconds=0.0):
    return round((CLOCK.wall() + seconds) * 1e6)


async def until(what, seconds=20.0):
    async with asyncio.timeout(seconds):
        while not await what():
            await asyncio.sleep(0.02)


@pytest.fixture
async def past(world):
    return PastService(world.coordinator, world.service)


async def a_job(world, hours=2.0, **more):
    """Add a job that has been there for hours."""
    added = await world.service.add_job(
        FIRST_ORG, world.spec(name="web", interval_s=30.0, **more), dry_run=False
    )
    board = world.coordinator.board
    job = replace(board.jobs[added.job.id], created_at_us=now_us(-hours * 3600))
    board.jobs[job.id] = job
    await world.store.write(lambda: _since(job))
    return job


def _since(job):
    from pangea.storage.connection import connection

    connection().execute(
        "UPDATE job SET created_at_us = ? WHERE id = ?", (job.created_at_us, job.id)
    )


def every_30_s(job, *failed, upto=-40.0):
    """Return an hour of results; it failed within each of *failed*, tried again."""
    at, found = -3600.0, []
    while at < upto:
        bad = any(a <= at < b for a, b in failed)
        found.append(row(job, at, FAILED if bad else OK))
        if any(a <= at < a + 30 for a, _ in failed):
            found += [row(job, at + n, FAILED) for n in (0.1, 1.3, 6.5)]
        at += 30.0
    return found


async def live(world):
    (job,) = await world.service.jobs(FIRST_ORG)
    return job.verdict


async def corrected(world):
    return not world.coordinator.past.correction.waiting


async def test_a_worker_that_was_away_delivers_and_history_is_corrected(world, past):
    job = await a_job(world)
    world.coordinator.past.correction.quiet_s = 0.2
    far = await world.join("hel")
    await far.report([row(job.id)], epoch="new")
    await until(lambda: _is(live(world), "up"))
    known = now_us()
    await asyncio.sleep(0.2)  # that it is up is told once it is stored
    with world.hub.subscribe(FIRST_ORG) as told:
        await far.report(every_30_s(job.id, (-2400.0, -1800.0)), epoch="old")
        await far.until(lambda f: f.acks.get("old"))
        assert world.coordinator.past.correction.waiting
        await until(lambda: corrected(world))
        events = [e for e in await told.take(1.0) if e.kind != "result"]
    assert await live(world) == "up"

    # The incident is there, marked, and nobody was called: one event says so.
    assert [e.kind for e in events] == ["correction"]
    (incident,), _ = await world.store.read(lambda: incidents.page(FIRST_ORG))
    assert incident.backfilled
    assert not incident.is_open
    assert incident.opened_us == pytest.approx(now_us(-2400), abs=40 * S)
    assert incident.closed_us == pytest.approx(now_us(-1800), abs=80 * S)
    assert world.coordinator.incidents.all_open(FIRST_ORG) == []

    # Uptime counts what was, time travel tells what was known.
    hour = await past.uptime(FIRST_ORG, "web", Span(now_us(-3500), now_us()))
    assert hour.minutes["down"] == pytest.approx(10, abs=1.5)
    assert hour.minutes["unknown"] < 1
    assert sum(hour.minutes.values()) == pytest.approx(3500 / 60, abs=0.01)
    then = await past.job_at(FIRST_ORG, "web", now_us(-2000))
    assert then.verdict == "unknown"
    assert (await past.job_at(FIRST_ORG, "web", known)).verdict == "up"
    assert await world.store.read(lateness.late_stretches) == {}


async def test_an_incident_that_never_was_is_retracted_and_stays_readable(world, past):
    job = await a_job(world)
    correction = world.coordinator.past.correction
    correction.quiet_s = 0.2
    turns = [
        Transition(job.id, now_us(-3500), Verdict.UNKNOWN, Verdict.UP, "said"),
        Transition(job.id, now_us(-2400), Verdict.UP, Verdict.DOWN, "said"),
        Transition(job.id, now_us(-2000), Verdict.DOWN, Verdict.UP, "said"),
    ]
    opened = begin(FIRST_ORG, "web", turns[1])
    closed = opened.then(follow(opened.incident, turns[2]))

    def wrong():
        verdicts.log_transitions(turns)
        incidents.save(closed)

    await world.store.write(wrong)
    workers = [await world.join(name) for name in ("hel", "ber")]
    for far in workers:
        await far.report([row(job.id)], epoch="new")
        await far.report(every_30_s(job.id), epoch="old")
        await far.until(lambda f: f.acks.get("old"))
    await until(lambda: corrected(world))
    (incident,), _ = await world.store.read(lambda: incidents.page(FIRST_ORG))
    assert incident.retracted
    assert incident.id == closed.incident.id
    kinds = [
        e.kind for e in await world.store.read(lambda: incidents.timeline(incident.id))
    ]
    assert kinds[-1] == "retracted"
    held = await world.store.read(lambda: log_then.held(job.id, 0, now_us(-60)))
    assert [t.after for t in held] == [Verdict.UP]
    assert (await past.job_at(FIRST_ORG, "web", now_us(-2200))).verdict == "down"
    hour = await past.uptime(FIRST_ORG, "web", Span(now_us(-3400), now_us(-100)))
    assert hour.uptime == 1.0


async def test_what_came_late_is_corrected_after_a_restart_too(world):
    job = await a_job(world)
    far = await world.join("hel")
    await far.report([row(job.id)], epoch="new")
    await far.report(every_30_s(job.id), epoch="old")
    await far.until(lambda f: f.acks.get("old"))
    correction = world.coordinator.past.correction
    correction.waiting.clear()
    await correction.load()
    (waiting,) = correction.waiting.values()
    assert waiting.span.begin_us == pytest.approx(now_us(-3600), abs=5 * S)


async def test_results_that_come_in_time_mark_nothing(world):
    job = await a_job(world)
    far = await world.join("hel")
    rows = [row(job.id, -s) for s in (40.0, 20.0, 5.0)]
    await far.report(rows)
    await far.until(lambda f: f.acks.get("e") == 3)
    await far.report([row(job.id, -1.0), row(job.id)], first=4)
    await far.until(lambda f: f.acks.get("e") == 5)
    assert world.coordinator.past.correction.waiting == {}


async def test_time_travel_tells_what_was_live_at_that_moment(world, past):
    job = await a_job(world, rule="any")
    workers = [await world.join(name) for name in ("hel", "ber")]
    seen, sent = [], dict.fromkeys(range(2), 0)
    for who, outcome in (
        (0, OK),
        (1, OK),
        (0, FAILED),
        (1, FAILED),
        (0, OK),
        (1, OK),
        (0, OK),
        (1, OK),
    ):
        sent[who] += 1
        await workers[who].report([row(job.id, 0.0, outcome)], first=sent[who])
        await workers[who].until(lambda f, n=sent[who]: f.acks.get("e") == n)
        (now,) = await world.service.jobs(FIRST_ORG)
        seen.append((now_us(), now))
        await asyncio.sleep(0.06)
    assert {now.verdict for _, now in seen} >= {"up", "down"}
    for at, now in seen:
        then = await past.job_at(FIRST_ORG, "web", at)
        assert (then.verdict, then.verdict_reason) != ("", "")
        assert then.verdict == now.verdict
        votes = {v.worker: v.outcome for v in now.votes if v.outcome}
        assert {v.worker: v.outcome for v in then.votes if v.outcome} == votes
        counts = (await past.status_at(FIRST_ORG, at)).verdicts
        assert counts[now.verdict] == 1


async def test_a_pause_is_known_long_after_and_counts_neither_way(world, past):
    job = await a_job(world)
    far = await world.join("hel")
    await far.report([row(job.id)])
    await until(lambda: _is(live(world), "up"))
    await world.service.stop_job(FIRST_ORG, "web", None)
    stopped = now_us()
    await asyncio.sleep(0.1)
    await world.service.start_job(FIRST_ORG, "web", None)
    started = now_us()
    assert (await past.job_at(FIRST_ORG, "web", stopped + 1000)).verdict == "paused"
    assert (await past.job_at(FIRST_ORG, "web", started + 1000)).verdict != "paused"
    told = await past.uptime(FIRST_ORG, "web", Span(stopped, started))
    assert told.minutes["paused"] == pytest.approx(
        (started - stopped) / S / 60, abs=0.01
    )
    (pause,) = await world.store.read(lambda: log_then.pauses(job.id, 0, started))
    assert pause.end_us - pause.begin_us >= 0.1 * S


async def test_a_job_is_not_there_before_it_was_added(world, past):
    job = await a_job(world)
    before = job.created_at_us - S
    assert await past.jobs_at(FIRST_ORG, before) == []
    assert (await past.status_at(FIRST_ORG, before)).jobs == 0
    with pytest.raises(NotFound, match="only added at"):
        await past.job_at(FIRST_ORG, "web", before)


async def test_a_promise_is_told_with_its_budget_and_how_fast_it_burns(world, past):
    job = await a_job(world, slo=99.0)
    turns = [
        Transition(job.id, job.created_at_us + 1, Verdict.UNKNOWN, Verdict.UP, ""),
        Transition(job.id, now_us(-1800), Verdict.UP, Verdict.DOWN, ""),
        Transition(job.id, now_us(-1740), Verdict.DOWN, Verdict.UP, ""),
    ]
    far = await world.join("hel")
    await far.report(every_30_s(job.id, upto=0))
    await far.until(lambda f: f.acks.get("e"))
    await world.store.write(lambda: verdicts.log_transitions(turns))
    told = await past.uptime(FIRST_ORG, "web", Span(now_us(-3500), now_us()))
    assert told.slo.budget_min == pytest.approx(3500 / 60 * 0.01, rel=0.01)
    assert told.slo.left_min == pytest.approx(3500 / 60 * 0.01 - 1, abs=0.02)
    assert told.slo.burn["1h"] > 1


async def test_another_rule_is_tried_on_what_was_recorded(world):
    await a_job(world, rule="any")
    workers = [await world.join(name) for name in ("hel", "ber")]
    for outcomes in ((OK, OK), (FAILED, OK), (OK, OK), (OK, OK), (OK, OK)):
        for far, outcome in zip(workers, outcomes, strict=True):
            job = next(iter(far.held))
            far.sent = getattr(far, "sent", 0) + 1
            await far.report([row(job, 0, outcome)], first=far.sent)
            await far.until(lambda f: f.acks.get("e") == f.sent)
            await asyncio.sleep(0.06)
    trials = TrialService(world.coordinator)
    whole = Span(now_us(-60), now_us())
    same = await trials.backtest(FIRST_ORG, [], "any", whole)
    assert same.totals.incidents_then == same.totals.incidents_now == 1
    strict = await trials.backtest(FIRST_ORG, ["web"], "all", whole)
    assert strict.jobs[0].incidents_now == 0
    assert strict.jobs[0].missed_min > 0 or strict.jobs[0].down_min_then == 0
    assert strict.jobs[0].rule == "any"
    with pytest.raises(NotFound):
        await trials.backtest(FIRST_ORG, ["nope"], "all", whole)


async def _is(what, wanted):
    return await what == wanted


async def test_a_rule_with_thresholds_is_tried_on_the_results_while_they_are_kept(
    world,
):
    job = await a_job(world)
    far = await world.join("hel")
    slow = [
        replace(r, duration_ms=900.0) if 20 <= n < 60 else r
        for n, r in enumerate(every_30_s(job.id, upto=0))
    ]
    await far.report(slow)
    await far.until(lambda f: f.acks.get("e"))
    trials, whole = TrialService(world.coordinator), Span(now_us(-3600), now_us())
    told = await trials.backtest(FIRST_ORG, [], "majority latency=500ms", whole)
    assert (told.totals.incidents_now, told.totals.notes) == (1, [])
    assert told.totals.false_min == pytest.approx(20, abs=2)
    # It has none of its own: it is the rule in force that is compared with.
    assert (job.rule, told.jobs[0].rule) == ("", "majority")
    fast = await trials.backtest(FIRST_ORG, [], "majority latency=2s", whole)
    assert fast.totals.incidents_now == 0

    # As if the older half had expired.
    await world.store.write(_forget_the_first)
    left = await trials.backtest(FIRST_ORG, [], "majority latency=500ms", whole)
    assert "kept since" in left.totals.notes[0]


def _forget_the_first():
    settings.put("raw_from_us", str(now_us(-1800)))
