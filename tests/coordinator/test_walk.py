"""What concerns all jobs is done in steps, and the loop goes on in between."""

import asyncio
import time

import pytest
from msgspec import Raw

from pangea.coordinator.board import Board
from pangea.coordinator.decided import Decided
from pangea.coordinator.parcel import Parcel
from pangea.coordinator.walk import SPELL_S, STEP, walk
from pangea.core.verdict import JobState
from pangea.mesh.messages import Batch, encode_row
from pangea.storage import results
from tests.coordinator.by_hand import ByHand, job, well


@pytest.fixture
def short(monkeypatch):
    """Let others have their turn after each step."""
    monkeypatch.setattr("pangea.coordinator.walk.SPELL_S", 0.0)


async def test_what_is_quickly_done_is_written_as_one():
    board, steps, noted = Board(), [], []
    board.states = {n: JobState(n) for n in range(4 * STEP)}

    def judge(jobs):
        steps.append(len(jobs))
        if len(steps) == 3:
            time.sleep(SPELL_S)
        return Decided(touched={jobs[0]})

    async def note(decided):
        noted.append(decided.touched)

    await walk(board, judge, note)
    assert steps == [STEP] * 4
    assert noted == [{0, STEP, 2 * STEP}, {3 * STEP}, set()]


async def test_each_job_is_seen_once_in_steps_and_others_run_in_between(short):
    board, steps, others, noted = Board(), [], [], []
    board.states = {n: JobState(n) for n in range(3 * STEP - 1)}

    def judge(jobs):
        steps.append(list(jobs))
        others.append([])
        return Decided(touched={jobs[0]})

    async def note(decided):
        noted.append(decided.touched)

    async def other():
        while True:
            if others:
                others[-1].append("heard")
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await walk(board, judge, note)
    task.cancel()
    assert [n for step in steps for n in step] == list(board.states)
    assert max(map(len, steps)) == STEP
    assert others[0]
    assert others[1]
    assert noted == [{0}, {STEP}, {2 * STEP}, set()]


async def test_a_job_that_was_removed_between_two_steps_is_left_out(tmp_path):
    hand = await ByHand(tmp_path).open([job(1), job(2)], workers=2)
    await hand.steps(30, well)
    hand.board.drop_job(hand.board.jobs[1])
    hand.clock.now += 1000
    decided = hand.c.judging.expire([1, 2])
    assert {t.job for t in decided.transitions} == {2}
    await hand.close()


async def test_many_results_are_judged_in_steps_and_stored_at_once(tmp_path, short):
    hand = await ByHand(tmp_path).open([job(1, interval_s=1.0)], workers=2)
    begun, acks, seen, others = hand.clock.now, [], [], []
    hand.clock.now += 2 * STEP
    hand.c.dispatch.update([1])
    rows = tuple(
        Raw(encode_row(hand.row(1, 0, started_at_us=round((begun + n) * 1e6))))
        for n in range(2 * STEP)
    )
    hear = hand.c.judging.hear

    def heard(results):
        seen.append(len(results))
        return hear(results)

    async def other():
        while True:
            others.append(len(seen))
            await asyncio.sleep(0)

    hand.c.judging.hear = heard
    task = asyncio.create_task(other())
    batch = Batch("e", 1, rows)
    parcel = Parcel(hand.board.workers[1], batch, acks.append, print, 0.0)
    await hand.c.intake.take([parcel])
    task.cancel()
    assert seen == [STEP, STEP]
    assert 1 in others
    assert [ack.upto for ack in acks] == [2 * STEP]
    stored = await hand.store.read(lambda: results.query(1, limit=10))
    assert len(stored.items) == 10
    await hand.close()
