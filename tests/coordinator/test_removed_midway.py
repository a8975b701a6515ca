"""A job that is removed while something is done about it ends nothing."""

import asyncio

from pangea.coordinator.correction import Waiting
from pangea.core.uptime import Span
from pangea.storage import jobs as stored_jobs
from tests.coordinator.by_hand import ByHand, job, well


async def test_a_job_may_be_removed_while_its_history_is_corrected(tmp_path):
    hand = await ByHand(tmp_path).open([job(1)], workers=2)
    await hand.steps(30, well)
    correction, now = hand.c.past.correction, hand.clock.now
    day = Span(round((now - 86400) * 1e6), round(now * 1e6))
    correction.waiting[1], steps = Waiting(day, 0.0, 0.0), []

    async def judge(job, whole, judge=correction._judge):
        steps.append(whole)
        await judge(job, whole)
        if len(steps) == 1:
            await hand.store.write(lambda: stored_jobs.remove(1))
            hand.board.drop_job(hand.board.jobs[1])

    correction._judge = judge
    async with asyncio.timeout(10):
        await correction.look()
    assert len(steps) == 1
    assert not correction.waiting
    await hand.close()


async def test_a_job_may_be_removed_between_reading_and_judging(tmp_path):
    hand = await ByHand(tmp_path).open([job(1)], workers=2)
    await hand.steps(30, well)
    correction, now = hand.c.past.correction, hand.clock.now
    span = Span(round((now - 20) * 1e6), round(now * 1e6))
    correction.waiting[1] = Waiting(span, 0.0, 0.0)
    async with asyncio.timeout(10):
        looking = asyncio.create_task(correction.look())
        await asyncio.sleep(0)
        await hand.store.write(lambda: stored_jobs.remove(1))
        hand.board.drop_job(hand.board.jobs[1])
        await looking
    assert not correction.waiting
    await hand.close()
