"""What waited while a worker was away: judged once, stored once, in its time."""

import asyncio

import pytest
from msgspec import Raw
from msgspec.structs import replace

from pangea.core.model import FIRST_ORG, Flag, Outcome
from pangea.mesh.messages import Batch, Credit, Digest, Heartbeat, encode_row
from pangea.storage import results
from tests.coordinator.conftest import CLOCK, row

BOOT = "boot-id"


def now_us():
    return round(CLOCK.wall() * 1e6)


def timed(rows, boot_ns=(), **more):
    """Return a batch of version 2."""
    packed = tuple(Raw(encode_row(r)) for r in rows)
    said = {"boot": BOOT, "boot_ns": tuple(boot_ns)} | more
    return Batch("e", 1, packed, **said)


async def stored(world, job):
    page = await world.store.read(lambda: results.query(job, limit=100))
    return sorted(page.items, key=lambda r: r.started_at_us)


async def vote(world):
    """Return what the only worker says of the only job."""
    (job,) = await world.service.jobs(FIRST_ORG)
    return job.votes[0].outcome if job.votes else None


async def until(what, seconds=20.0):
    async with asyncio.timeout(seconds):
        while not await what():
            await asyncio.sleep(0.02)


@pytest.fixture
async def far(world):
    await world.service.add_job(
        FIRST_ORG, world.spec(name="web", rule="any"), dry_run=False
    )
    joined = await world.join("hel")
    await joined.until(lambda f: f.held)
    return joined


async def test_a_digest_is_judged_and_nothing_of_it_is_stored(world, far):
    (job,) = far.held
    down = row(job, -1.0, Outcome.FAILED)
    await far.report([row(job, -30.0)], epoch="old")
    await until(lambda: is_(world, "ok"))
    latest = tuple(Raw(encode_row(r)) for r in [down])
    await far.link.send(Digest(Batch("", 0, latest)))
    await until(lambda: is_(world, "failed"))
    assert len(await stored(world, job)) == 1

    # The backlog follows: older successes flip nothing, and each row is there once.
    backlog = [row(job, -20.0), row(job, -10.0), down]
    await far.report(backlog, first=2, epoch="old")
    await far.until(lambda f: f.acks.get("old") == 4)
    assert await vote(world) == "failed"
    assert len(await stored(world, job)) == 4


async def is_(world, wanted):
    return await vote(world) == wanted


async def test_a_digest_of_nonsense_spoils_nothing(world, far):
    (job,) = far.held
    junk = (Raw(b"\x01"), Raw(encode_row(row(99))), Raw(encode_row(row(job))))
    await far.link.send(Digest(Batch("", -5, junk, boot_ns=(1, 2), boot_offset_us=3)))
    await until(lambda: is_(world, "ok"))
    await far.link.send(Digest(Batch("", 0, (Raw(encode_row(row(job))),) * 2001)))
    await far.until(lambda f: any(isinstance(m, Exception) for m in f.heard))


@pytest.mark.parametrize("year_off", [-56, 64, 0])
async def test_a_worker_whose_year_is_wrong_lands_at_its_true_time(
    world, far, year_off
):
    (job,) = far.held
    true = now_us() - 5_000_000
    boot_ns = 700_000_000_000
    wrong = replace(row(job), started_at_us=true + year_off * 31_557_600_000_000)
    said = timed([wrong], [boot_ns], boot_offset_us=true - boot_ns // 1000)
    await far.link.send(said)
    await far.until(lambda f: f.acks.get("e") == 1)
    (only,) = await stored(world, job)
    assert only.started_at_us == true
    assert not only.flags & Flag.CLAMPED


async def test_results_before_a_step_of_the_clock_stay_where_they_were(world, far):
    """The wall clock was set between them; the boot clock was not."""
    (job,) = far.held
    now = now_us()
    rows = [
        replace(row(job), started_at_us=now - 7_200_000_000),
        replace(row(job), started_at_us=now - 1_000_000),
    ]
    said = timed(rows, [1_000_000_000, 3_000_000_000], boot_offset_us=now - 4_000_000)
    await far.link.send(said)
    await far.until(lambda f: f.acks.get("e") == 2)
    assert [r.started_at_us for r in await stored(world, job)] == [
        now - 3_000_000, now - 1_000_000,
    ]  # fmt: skip


async def test_an_earlier_boot_that_nobody_measured_is_a_flagged_guess(world, far):
    (job,) = far.held
    began = now_us() - 60_000_000
    rows = [
        replace(row(job), started_at_us=began - 5_000_000),
        replace(row(job), started_at_us=began + 31_557_600_000_000),
    ]
    await far.link.send(timed(rows, [7, 8], before_us=began))
    await far.until(lambda f: f.acks.get("e") == 2)
    guessed = await stored(world, job)
    assert [r.started_at_us for r in guessed] == [began - 5_000_000, began]
    assert all(r.flags & Flag.CLAMPED for r in guessed)


@pytest.mark.parametrize(
    "boot_ns", [(), (5,), (1 << 63,) * 3, (-(1 << 62),) * 3, (1,) * 9]
)
async def test_boot_clocks_that_do_not_fit_spoil_no_batch(world, far, boot_ns):
    (job,) = far.held
    rows = [row(job, -number) for number in range(3)]
    await far.link.send(timed(rows, boot_ns, boot_offset_us=-(1 << 63)))
    await far.until(lambda f: f.acks.get("e") == 3)
    assert len(await stored(world, job)) == 3


async def test_a_worker_gets_credit_at_once_and_again_when_it_changes(world, far):
    def credits():
        return [m.rows_s for m in far.heard if isinstance(m, Credit)]

    await far.until(lambda f: credits())
    assert credits()[0] > 0
    world.coordinator.intake.trouble = "the disk is full"
    await far.link.send(Heartbeat(now_us(), spooled=5000))
    await far.until(lambda f: credits()[-1] == 0)
    world.coordinator.intake.trouble = ""
    await far.link.send(Heartbeat(now_us(), spooled=5000))
    await far.until(lambda f: credits()[-1] > 0)


async def test_a_clock_that_was_set_and_a_disk_that_fails_are_seen(world, far, caplog):
    said = Heartbeat(now_us(), stepped_ms=3_600_000, trouble="disk\x1b full")
    await far.link.send(said)
    await far.link.send(Heartbeat(now_us(), slept_ms=90_000, trouble="disk\x1b full"))

    async def shown():
        (worker,) = await world.members.workers(FIRST_ORG)
        return "asleep for 90.0 s" in worker.health and worker

    async with asyncio.timeout(20):
        while not (worker := await shown()):
            await asyncio.sleep(0.02)
    assert "takes no results: disk" in worker.health
    assert "\x1b" not in worker.health
    assert "its clock was set by +3600.0 s" in caplog.text
