"""A worker that is unwell, or alone in what it sees, brings nothing down."""

import asyncio

import pytest

from pangea.core.model import FIRST_ORG, Flag, Outcome
from pangea.mesh.probe_messages import Check, Health, Window
from pangea.storage import sick_windows
from tests.coordinator.conftest import CLOCK, row

FAILED = Outcome.FAILED
GATEWAY = "gateway: it answers no ping"


def us(seconds):
    return round((CLOCK.wall() + seconds) * 1e6)


def unwell(since=-5.0, until=None, cause=GATEWAY):
    """Say that the worker is unwell since then, in seconds from now."""
    window = Window(us(since), us(until) if until is not None else 0, cause)
    check = Check("gateway 192.0.2.1", until is not None, "", 900.0)
    return Health(us(0), (check,), (window,))


async def until(what, seconds=20.0):
    async with asyncio.timeout(seconds):
        while not await what():
            await asyncio.sleep(0.02)


async def answer(world, name="web"):
    return await world.service.job(FIRST_ORG, name)


async def vote(world, worker, name="web"):
    votes = (await answer(world, name)).votes
    return next((v.outcome for v in votes if v.worker == worker), None)


async def health(world, worker):
    return (await world.members.worker(FIRST_ORG, worker)).health


async def shared(world, rule="any", jobs=("web",), **more):
    """Return two workers that probe *jobs*, which are up."""
    for name in jobs:
        spec = world.spec(name=name, target=f"http://127.0.0.1:9/{name}", rule=rule)
        await world.service.add_job(FIRST_ORG, spec, dry_run=False)
    pair = [await world.join("hel"), await world.join("ber")]
    for far in pair:
        await far.until(lambda f: len(f.held) == len(jobs))
        await far.report([row(job, -20.0) for job in far.held])
    for name in jobs:
        await until(lambda name=name: is_up(world, name))
    return pair


async def is_up(world, name="web"):
    job = await answer(world, name)
    return job.verdict == "up" and len([v for v in job.votes if v.outcome]) == 2


async def test_what_fails_in_a_bad_window_has_no_vote(world):
    hel, _ = await shared(world)
    (job,) = hel.held
    await hel.link.send(unwell())
    await hel.report([row(job, -1.0, FAILED)], first=2)
    await until(lambda: says(world, "hel", GATEWAY))
    assert (await answer(world)).verdict == "up"
    assert await vote(world, "hel") != "failed"
    told = await world.members.worker(FIRST_ORG, "hel")
    assert [(c.name, c.good) for c in told.self_test] == [("gateway 192.0.2.1", False)]
    await hel.until(lambda f: f.acks.get("e") == 2)
    found = await results(world)
    assert {(r.outcome, bool(r.void)) for r in found} == {("ok", False), (FAILED, True)}
    assert GATEWAY in next(r.void for r in found if r.void)


async def results(world):
    """Return what the API tells of the results of the only job."""
    asked = {"worker": None, "since_us": None, "until_us": None, "cursor": None}
    job = await answer(world)
    return (await world.service.results(FIRST_ORG, job.name, limit=9, **asked)).items


async def says(world, worker, words):
    return words in await health(world, worker)


async def test_an_answer_in_a_bad_window_counts(world):
    hel, _ = await shared(world)
    (job,) = hel.held
    await hel.link.send(unwell())
    await hel.report([row(job, -1.0)], first=2)
    await hel.until(lambda f: f.acks.get("e") == 2)
    assert await is_up(world)


async def test_a_vote_that_was_counted_before_the_window_was_known_is_taken_back(world):
    hel, _ = await shared(world, rule="2")
    (job,) = hel.held
    await hel.report([row(job, -1.0, FAILED)], first=2)
    await until(lambda: votes(world, "hel", "failed"))
    await hel.link.send(unwell(-3.0, -0.5))
    await until(lambda: votes(world, "hel", None))
    assert (await answer(world)).verdict == "up"


async def votes(world, worker, value):
    return await vote(world, worker) == value


async def test_what_comes_late_out_of_a_window_opens_nothing(world):
    hel, _ = await shared(world)
    (job,) = hel.held
    await hel.link.send(unwell(-8.0, -2.0))
    await hel.report([row(job, -6.0, FAILED), row(job, -4.0, FAILED)], first=2)
    await hel.until(lambda f: f.acks.get("e") == 3)
    assert (await answer(world)).verdict == "up"
    assert await health(world, "hel") != GATEWAY


async def test_outside_of_the_window_it_is_believed(world):
    hel, _ = await shared(world)
    (job,) = hel.held
    await hel.link.send(unwell(-10.0, -5.0))
    await hel.report([row(job, -1.0, FAILED)], first=2)
    await until(lambda: has(world, "down"))


async def has(world, verdict, name="web"):
    return (await answer(world, name)).verdict == verdict


async def test_a_broken_resolver_takes_no_vote_from_who_needed_none(world):
    hel, _ = await shared(world)
    (job,) = hel.held
    await hel.link.send(unwell(cause="resolver: no answer within 1 s"))
    named = row(job, -2.0, FAILED, reason="resolver_failed")
    await hel.report([named], first=2)
    await hel.until(lambda f: f.acks.get("e") == 2)
    assert (await answer(world)).verdict == "up"
    await hel.report([row(job, -1.0, FAILED)], first=3)
    await until(lambda: has(world, "down"))


async def test_the_flag_alone_is_enough(world):
    hel, _ = await shared(world)
    (job,) = hel.held
    await hel.report([row(job, -1.0, FAILED, flags=int(Flag.SICK))], first=2)
    await hel.until(lambda f: f.acks.get("e") == 2)
    assert (await answer(world)).verdict == "up"


async def test_the_only_worker_that_is_unwell_makes_unknown_and_never_down(world):
    spec = world.spec(name="web", interval_s=1.0, timeout_s=0.1)
    await world.service.add_job(FIRST_ORG, spec, dry_run=False)
    hel = await world.join("hel")
    await hel.until(lambda f: f.held)
    (job,) = hel.held
    await hel.report([row(job, -0.5)])
    await until(lambda: has(world, "up"))
    await hel.link.send(unwell(-0.5))
    for first in range(2, 6):
        await hel.report([row(job, 0.0, FAILED)], first=first)
        await asyncio.sleep(0.05)
    seen = set()
    async with asyncio.timeout(20):
        while "unknown" not in seen:
            seen.add((await answer(world)).verdict)
            await asyncio.sleep(0.05)
    assert seen <= {"up", "unknown"}


async def test_windows_outlive_the_coordinator(world):
    hel, _ = await shared(world)
    await hel.link.send(unwell(-9.0, -3.0))

    async def kept():
        windows = await world.store.read(sick_windows.all_of)
        return [(w.cause, round(w.until - w.since)) for w in windows.get(1, [])]

    await until(kept)
    assert await kept() == [(GATEWAY, 6)]


@pytest.fixture
async def many(world):
    """Six jobs with the rule that needs both workers, all up."""
    names = [f"web-{n}" for n in range(6)]
    return await shared(world, rule="any", jobs=names)


async def test_who_fails_most_of_what_the_other_reaches_is_isolated(world, many):
    hel, ber = many
    jobs = sorted(hel.held)
    before = [row(job, -2.0, FAILED) for job in jobs[:3]]
    await hel.report(before, first=len(jobs) + 1)
    await ber.report([row(job, -1.0) for job in jobs], first=len(jobs) + 1)
    isolating = world.coordinator.sickness.isolating
    hel_id = world.coordinator.board.worker("hel").id
    # What goes on is counted at each look.
    await until(lambda: asyncio.sleep(0, isolating.isolation._alone[hel_id] == 3))
    more = [row(job, -0.5, FAILED) for job in jobs[3:]]
    await hel.report(more, first=len(jobs) + 4)
    await ber.report([row(job, -0.1) for job in jobs], first=2 * len(jobs) + 1)
    await until(lambda: says(world, "hel", "isolated: fails"))
    # Who was not down yet does not become it; the others recover by ber alone.
    verdicts = [(await answer(world, f"web-{n}")).verdict for n in range(6)]
    assert verdicts[3:] == ["up", "up", "up"]
    for again in (0.0, 0.1):
        first = (4 if again else 3) * len(jobs) + 1
        await ber.report([row(job, again) for job in jobs], first=first)
    for name in (f"web-{n}" for n in range(6)):
        await until(lambda name=name: has(world, "up", name))
    # It reaches them again, and is believed again.
    await hel.report([row(job, 0.2) for job in jobs], first=2 * len(jobs) + 1)

    async def free():
        return not world.coordinator.board.sick

    await until(free)


async def test_in_an_outage_that_all_see_nobody_is_isolated(world, many):
    hel, ber = many
    jobs = sorted(hel.held)
    await hel.report([row(j, -1.0, FAILED) for j in jobs], first=len(jobs) + 1)
    await hel.until(lambda f: f.acks.get("e") == 2 * len(jobs))
    assert not world.coordinator.board.sick
    await ber.report([row(j, -0.5, FAILED) for j in jobs], first=len(jobs) + 1)
    for name in (f"web-{n}" for n in range(6)):
        await until(lambda name=name: has(world, "down", name))
    assert not world.coordinator.board.sick


async def test_a_liar_that_reaches_all_hides_no_outage(world, many):
    liar = await world.join("liar")
    await liar.until(lambda f: len(f.held) == 6)
    jobs, first = sorted(liar.held), 1
    await liar.report([row(job, -3.0) for job in jobs])
    for at in (-2.0, -1.0, -0.1):
        first += len(jobs)
        for honest in many:
            await honest.report([row(j, at, FAILED) for j in jobs], first=first)
            await liar.report([row(j, at + 0.05) for j in jobs], epoch=f"{honest}{at}")
            await asyncio.sleep(0.05)
    for name in (f"web-{n}" for n in range(6)):
        await until(lambda name=name: has(world, "down", name))
    assert not world.coordinator.board.sick


async def test_who_fails_few_of_many_stays_counted(world, many):
    hel, ber = many
    jobs = sorted(hel.held)
    await hel.report([row(jobs[0], -2.0, FAILED)], first=len(jobs) + 1)
    await ber.report([row(job, -1.0) for job in jobs], first=len(jobs) + 1)
    await until(lambda: has(world, "down", "web-0"))
    assert not world.coordinator.board.sick


async def test_a_worker_that_lies_of_its_health_takes_only_its_own_votes(world):
    hel, _ = await shared(world)
    (job,) = hel.held
    most, loud = (1 << 63) - 1, "x\x1b[2J" * 500
    windows = [
        Window(-most, most, loud),
        Window(us(-9), us(-30), "ends before it begins"),
        Window(us(3600), 0, "in an hour"),
        Window(us(-2), us(10**6), loud),
    ]
    check = Check(loud, False, loud, float("nan"))
    said = Health(most, (check,) * 50, tuple(windows * 30))
    for _ in range(50):
        await hel.link.send(said)
    await until(lambda: says(world, "hel", "x"))
    told = await world.members.worker(FIRST_ORG, "hel")
    assert len(told.self_test) <= 16
    assert "\x1b" not in told.health + told.self_test[0].detail
    assert len(told.health) < 300
    await hel.report([row(job, -1.0, FAILED)], first=2)
    await hel.until(lambda f: f.acks.get("e") == 2)
    assert (await answer(world)).verdict == "up"
    assert await vote(world, "ber") == "ok"
