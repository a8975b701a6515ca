"""Votes as the coordinator makes them: rules and defaults, thresholds, the sick."""

import pytest

from pangea.coordinator.judging_service import JudgingService
from pangea.core.errors import UsageError
from pangea.core.model import FIRST_ORG, Flag, Outcome, Verdict
from pangea.storage import results, rules, verdicts
from tests.coordinator.conftest import CLOCK, row

FAILED = Outcome.FAILED


async def shared(world, rule="", **more):
    """Return a job's id and the two workers that probe it."""
    spec = world.spec(name="web", rule=rule, **more)
    added = await world.service.add_job(FIRST_ORG, spec, dry_run=False)
    pair = [await world.join("hel"), await world.join("ber")]
    for far in pair:
        await far.until(lambda f: added.job.id in f.held)
    return added.job.id, pair


async def said(far, *rows):
    """Report *rows*, and wait until they are stored."""
    first = far.acks.get("e", 0) + 1
    await far.report(rows, first=first)
    await far.until(lambda f: f.acks.get("e") == first + len(rows) - 1)


async def answer(world):
    return await world.service.job(FIRST_ORG, "web")


async def votes(world):
    return {v.worker: v.outcome for v in (await answer(world)).votes}


async def test_a_result_that_is_slower_than_the_rule_wants_is_ok_and_its_vote_warns(
    world,
):
    job, pair = await shared(world, "latency=100ms")
    for far in pair:
        await said(far, row(job, duration_ms=250.0))

    web = await answer(world)
    assert web.verdict == Verdict.DEGRADED
    assert "took 250 ms, wanted at most 100 ms" in web.verdict_reason
    kept = await world.store.read(lambda: results.query(job, limit=9))
    assert {result.outcome for result in kept.items} == {Outcome.OK}
    # What the dashboard draws beside the cells says what the votes said.
    assert world.service.beats(FIRST_ORG, job, 9) == {"hel": "w", "ber": "w"}
    await said(pair[0], row(job, 1, duration_ms=50.0))
    assert world.service.beats(FIRST_ORG, job, 9) == {"hel": "wo", "ber": "w"}


@pytest.mark.parametrize("flag", [Flag.SICK, Flag.LAGGED])
async def test_the_time_that_an_unwell_worker_took_warns_of_nothing(world, flag):
    job, pair = await shared(world, "latency=100ms")
    for far in pair:
        await said(far, row(job, duration_ms=250.0, flags=int(flag)))

    web = await answer(world)
    assert web.verdict == Verdict.UP
    assert {v.detail[:22] for v in web.votes} == {"its times do not count"}


async def test_what_was_slow_from_the_first_is_usual(world):
    job, (hel, ber) = await shared(world, "slower=3x")
    for far in (hel, ber):
        rows = [row(job, -60 + n, duration_ms=50.0) for n in range(25)]
        await said(far, *rows)
    assert (await answer(world)).verdict == Verdict.UP
    for far in (hel, ber):
        await said(far, row(job, -5, duration_ms=200.0))

    web = await answer(world)
    assert web.verdict == Verdict.DEGRADED
    assert "usually" in web.verdict_reason


async def test_a_failure_with_the_flag_sick_takes_the_older_vote_back(world):
    job, (hel, ber) = await shared(world)
    await said(hel, row(job, -3))
    await said(ber, row(job, -2.5))
    await said(ber, row(job, -1, FAILED, flags=int(Flag.SICK)))

    assert await votes(world) == {"hel": "ok", "ber": None}
    log = await world.store.read(lambda: verdicts.vote_changes(job))
    assert (log[-1].before, log[-1].after, log[-1].cause) == ("ok", None, "worker sick")


async def test_what_was_counted_before_a_window_was_known_is_taken_back(world):
    job, (hel, ber) = await shared(world, "any")
    await said(hel, row(job, -3))
    await said(ber, row(job, -2.5, FAILED))
    assert (await answer(world)).verdict == Verdict.DOWN

    ber_id, now = world.coordinator.board.worker("ber").id, CLOCK.wall()
    judging = world.coordinator.judging
    await world.coordinator.intake.note(judging.withdraw(ber_id, now - 4, now, "link"))
    assert await votes(world) == {"hel": "ok", "ber": None}
    assert (await answer(world)).verdict != Verdict.UP, "one vote makes nothing new"


async def test_the_default_of_the_organisation_is_laid_under_each_rule(world):
    judging = JudgingService(world.coordinator)
    job, (hel, ber) = await shared(world, "up=3")
    await said(hel, row(job, -3, FAILED))
    await said(ber, row(job, -2.5))
    assert (await answer(world)).verdict == Verdict.UNKNOWN

    told = await judging.put(FIRST_ORG, "  any  latency=2s up=9 ")
    assert (told.rule, told.in_force) == ("any up=9 latency=2000ms",) * 2
    web = await answer(world)
    assert (web.rule, web.rule_in_force) == ("up=3", "any up=3 latency=2000ms")
    assert web.verdict == Verdict.DOWN, "it was judged anew at once"
    stored = await world.store.read(rules.defaults)
    assert stored == {FIRST_ORG: "any up=9 latency=2000ms"}

    assert (await judging.put(FIRST_ORG, "")).in_force == "majority"
    assert (await answer(world)).rule_in_force == "majority up=3"


async def test_a_default_that_is_no_rule_is_refused_and_changes_nothing(world):
    judging = JudgingService(world.coordinator)
    await judging.put(FIRST_ORG, "any")
    with pytest.raises(UsageError):
        await judging.put(FIRST_ORG, "anny")
    assert (await judging.defaults(FIRST_ORG)).rule == "any"


async def test_a_job_without_a_rule_tells_what_it_is_judged_by(world):
    await shared(world)
    assert (await answer(world)).rule == "majority"
    await JudgingService(world.coordinator).put(FIRST_ORG, "60%")
    assert (await answer(world)).rule == "60%"


async def test_one_site_that_is_cut_is_named(world):
    job, (hel, ber) = await shared(world)
    for at in (-4, -3, -2, -1):
        await said(hel, row(job, at))
        await said(ber, row(job, at + 0.5, Outcome.OK if at == -4 else FAILED))

    web = await answer(world)
    assert web.verdict == Verdict.DEGRADED
    assert web.verdict_reason == "partial: ber (refused)"
    log = await world.store.read(lambda: verdicts.transitions(job))
    assert log[0].line == "partial"
