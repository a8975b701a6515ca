"""Small batches that come together are written together, and judged as they come."""

import asyncio
import time
from collections import Counter

import pytest
from msgspec import Raw

from pangea.coordinator import pace
from pangea.coordinator.hearing import MOST_NEWS
from pangea.coordinator.pace import FULL, NEWS_ROWS, Pace
from pangea.coordinator.parcel import Parcel, to_answer
from pangea.core.model import Worker
from pangea.mesh.messages import Batch, encode_row
from pangea.storage import results, verdicts
from tests.coordinator.by_hand import ByHand, job

MOST = 32


@pytest.fixture(autouse=True)
def slow(monkeypatch):
    monkeypatch.setattr(pace, "GAP_S", 5.0)


def parcel(worker=1, rows=1):
    said = Worker(id=worker, name=f"w{worker}", key=b"")
    return Parcel(said, Batch("e", 1, (Raw(b""),) * rows), print, print, 0.0)


async def waited(begun, joins=()):
    """Return whether a group waits for what joins it, in a pace that has begun."""
    one = Pace(MOST)
    await one.gather([parcel()])  # the first goes at once
    growing = asyncio.create_task(one.gather(begun))
    await asyncio.sleep(0.01)
    for each in joins:
        assert one.is_waiting
        one.came(each)
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    waits = one.is_waiting
    growing.cancel()
    return waits


async def test_the_first_after_a_while_waits_for_nothing():
    one = Pace(MOST)
    begun = time.monotonic()
    await one.gather([parcel()])
    assert time.monotonic() - begun < 2.0
    assert one.rests


@pytest.mark.parametrize(
    ("begun", "joins", "waits"),
    [
        ([parcel()], [], True),
        ([parcel(rows=NEWS_ROWS)], [parcel(2)], True),
        ([parcel(rows=NEWS_ROWS + 1)], [], False),
        ([parcel()], [parcel(2, NEWS_ROWS + 1)], False),
        ([parcel()], [parcel(1)] * (FULL - 2), True),
        ([parcel()], [parcel(1)] * (FULL - 1), False),
        ([parcel(n) for n in range(MOST - 1)], [parcel(90)], False),
    ],
)
async def test_a_group_grows_until_somebody_needs_an_answer(begun, joins, waits):
    assert await waited(begun, joins) is waits


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("a1 a2 a3", "a3"),
        ("a1 b1", "a1 b1"),
        ("a1 b1 a2", "a1 b1 a2"),
        ("a1 a2 b1 b2 a3 a4", "a2 b2 a4"),
    ],
)
def test_each_turn_of_an_epoch_is_answered(sent, answered):
    def batch(word, link):
        said = Batch(word[0], int(word[1]), (Raw(b""),))
        return Parcel(parcel().worker, said, link.append, print, 0.0)

    one, other = [], []
    group = [batch(word, one) for word in sent.split()]
    between = [each for word in group for each in (word, batch("a9", other))]
    for given in (group, between):
        chosen = [p for p in to_answer(given) if p.answer == one.append]
        words = [f"{p.batch.epoch}{p.batch.first}" for p in chosen]
        assert words == answered.split()
    assert sum(p.answer == other.append for p in to_answer(between)) == 1


class Ends:
    """Workers that say what they found, and what they were answered."""

    def __init__(self, hand):
        self.hand, self.sent, self.acks = hand, Counter(), Counter()
        self.answer = {number: self.answered(number) for number in (1, 2, 3)}
        self.running = asyncio.create_task(hand.c.intake.run())

    def say(self, job, *workers, ok=True):
        """Let each of *workers* say it in a batch of its own."""
        for number in workers:
            self.hand.clock.now += 0.01
            row = Raw(encode_row(self.hand.row(job, 0, ok)))
            self.sent[number] += 1
            who = self.hand.board.workers[number]
            batch = Batch("e", self.sent[number], (row,))
            given = Parcel(who, batch, self.answer[number], print, 0.0)
            self.hand.c.intake.came(given)
            assert self.hand.c.intake.offer(given)

    def answered(self, number):
        def answer(ack):
            self.acks[number, ack.upto] += 1

        return answer

    async def until(self, what):
        async with asyncio.timeout(10):
            while not what():
                await asyncio.sleep(0.002)


@pytest.fixture
async def ends(tmp_path):
    jobs = [job(n, interval_s=1.0) for n in (1, 2)]
    hand = await ByHand(tmp_path).open(jobs, workers=3)
    hand.c.dispatch.update([1, 2])
    ends = Ends(hand)
    ends.say(1, 1, 2, 3)
    ends.say(2, 1)
    await ends.until(lambda: len(ends.acks) >= 3)
    yield ends
    ends.running.cancel()
    await hand.close()


async def test_what_comes_together_is_judged_and_answered_once(ends, monkeypatch):
    hand, heard, commits = ends.hand, [], []
    hear, write = hand.c.judging.hear, hand.store.write
    monkeypatch.setattr(
        hand.c.judging, "hear", lambda rows: heard.append(len(rows)) or hear(rows)
    )
    monkeypatch.setattr(
        hand.store, "write", lambda fn: commits.append(heard[:]) or write(fn)
    )
    ends.acks.clear()
    ends.say(1, 1, 2, 3)
    await ends.until(lambda: heard)
    assert heard == [3], "in one go, after a moment"
    assert not commits, "before any of it was written"
    ends.say(1, 1, 1)  # the first has sent as much as it may soon
    await ends.until(lambda: len(ends.acks) == 3)
    assert len(commits) == 1
    assert ends.acks == {(1, ends.sent[1]): 1, (2, 2): 1, (3, 2): 1}
    page = await hand.store.read(lambda: results.query(1, limit=100))
    assert len(page.items) == 3 + 3 + 2


async def test_what_changes_a_verdict_is_written_without_waiting(ends, monkeypatch):
    monkeypatch.setattr(pace, "GAP_S", 60.0)
    hand = ends.hand
    ends.acks.clear()
    ends.say(1, 1, 2)
    ends.say(1, 1, 2, 3, ok=False)
    await ends.until(lambda: len(ends.acks) == 3)
    assert hand.verdict(1) == "down"
    turns = await hand.store.read(lambda: verdicts.transitions(1))
    assert turns[0].after == "down"


async def test_very_many_changes_wait_as_all_does():
    one = Pace(MOST)
    await one.gather([parcel()])
    written = 0
    for turn in range(20):
        early = turn % 2
        if early:
            one.hurry()
        growing = asyncio.create_task(one.gather([parcel()]))
        await asyncio.sleep(0)
        if not early:
            one.hurry()
        one.hurry()  # of one group
        await asyncio.sleep(0.002)
        written += growing.done()
        growing.cancel()
    assert written == pace.TURNS


async def test_very_much_is_judged_without_waiting(ends, monkeypatch):
    monkeypatch.setattr("pangea.coordinator.hearing.TOGETHER_S", 60.0)
    hand, hear, heard = ends.hand, ends.hand.c.judging.hear, []
    monkeypatch.setattr(
        hand.c.judging, "hear", lambda rows: heard.append(len(rows)) or hear(rows)
    )
    monkeypatch.setattr("pangea.coordinator.pace.FULL", 1000)
    ends.say(1, 2)
    await asyncio.sleep(0.05)
    assert not heard
    ends.say(1, *[3] * (MOST_NEWS - 1))
    assert heard == [MOST_NEWS]


async def test_of_a_job_that_went_meanwhile_nothing_is_stored(ends):
    hand = ends.hand
    ends.say(2, 1)
    await ends.until(lambda: not hand.c.intake.hearing._news)
    hand.board.drop_job(hand.board.jobs[2])
    ends.acks.clear()
    ends.say(1, 1, 1)
    await ends.until(lambda: ends.acks)
    page = await hand.store.read(lambda: results.query(2, limit=100))
    assert len(page.items) == 1, "of before"
