"""While the database refuses, much is judged and told in steps, once, and in order."""

import asyncio

import pytest
from msgspec import Raw

from pangea.coordinator.decided import Decided
from pangea.coordinator.early import Early
from pangea.coordinator.parcel import Parcel
from pangea.coordinator.walk import STEP
from pangea.core.errors import StorageError
from pangea.core.model import Outcome, Verdict
from pangea.core.verdict import Transition
from pangea.mesh.messages import Batch, encode_row
from pangea.storage import results, verdicts
from tests.coordinator.by_hand import ByHand, job

QUEUED, ROWS = 12, 2 * STEP


@pytest.fixture
def short(monkeypatch):
    """Let others have their turn after each step."""
    monkeypatch.setattr("pangea.coordinator.walk.SPELL_S", 0.0)
    monkeypatch.setattr("pangea.coordinator.committing.RETRY_S", 0.0)


def changes(first, many):
    return Decided(
        transitions=[
            Transition(n, n, Verdict.UP, Verdict.DOWN, "refused")
            for n in range(first, first + many)
        ],
        told=[("incident", 1, {"n": n}) for n in range(first, first + many // 2)],
    )


class Said:
    """Remembers what was told, and how often others had their turn meanwhile."""

    def __init__(self):
        self.jobs, self.words, self.steps, self.turns = [], [], [], 0

    def verdicts(self, transitions, drilled, *, provisional):
        assert provisional
        self.steps.append((self.turns, len(transitions)))
        self.jobs += [t.job for t in transitions]

    def early(self, told):
        self.words += [words["n"] for _, _, words in told]


async def test_much_is_told_in_steps_and_what_comes_meanwhile_after_it(short):
    said, many = Said(), 4 * STEP
    early = Early(said)

    async def other():
        while said.steps:
            said.turns += 1
            if said.turns == 2:
                early.tell(changes(many, 1))
            await asyncio.sleep(0)

    going = asyncio.create_task(early.tell_in_steps(changes(0, many)))
    await asyncio.sleep(0)
    turning = asyncio.create_task(other())
    await going
    early.tell(changes(many + 1, 1))
    turning.cancel()

    assert said.jobs == list(range(many + 2))
    assert said.words == list(range(many // 2))
    assert max(size for _, size in said.steps) == STEP
    assert len({turn for turn, _ in said.steps}) >= many // STEP


def parcel(hand, begun, number, acks):
    """Return a batch of a row a second, the *number*-th; the last half of them fail."""
    rows = tuple(
        Raw(
            encode_row(
                hand.row(
                    *(1, 0, number <= QUEUED // 2),
                    started_at_us=round((begun + number * ROWS + n) * 1e6),
                )
            )
        )
        for n in range(ROWS)
    )
    batch = Batch("e", 1 + number * ROWS, rows)
    return Parcel(hand.board.workers[1], batch, acks.append, print, 0.0)


async def test_a_backlog_is_judged_in_steps_while_the_database_refuses(
    tmp_path, short, monkeypatch
):
    hand = await ByHand(tmp_path).open([job(1, interval_s=1.0)], workers=1)
    begun, acks, turns, followed = hand.clock.now, [], [0], []
    hand.clock.now += (QUEUED + 2) * ROWS
    hand.c.dispatch.update([1])
    intake, hear, heard = hand.c.intake, hand.c.judging.hear, []
    *queued, news = (parcel(hand, begun, n, acks) for n in range(QUEUED + 2))
    real, tries = hand.store.write, []

    def noting(rows):
        heard.append((turns[0], [row.started_at_us for row in rows]))
        if len(heard) == 3:
            intake.came(news)
        return hear(rows)

    async def refuse(fn):
        tries.append(len(heard))
        if len(tries) < 9:
            raise StorageError("the disk is full")
        hand.store.write = real
        return await real(fn)

    async def other():
        while True:
            turns[0] += 1
            await asyncio.sleep(0)

    hand.c.judging.hear, hand.store.write = noting, refuse
    intake.before_commit.append(lambda decided: followed.extend(decided.transitions))
    for each in queued[1:]:
        assert intake.offer(each)
    turning = asyncio.create_task(other())
    await intake.take(queued[:1])
    turning.cancel()

    times = [at_us for _, rows in heard for at_us in rows]
    assert times == sorted(times), "news wait for what came before them"
    assert len(times) == (QUEUED + 2) * ROWS
    assert max(len(rows) for _, rows in heard) == STEP
    assert len({turn for turn, _ in heard}) >= len(heard) - QUEUED - 2
    assert len(tries) == 9
    assert hand.verdict(1) == "down"
    log = await hand.store.read(lambda: verdicts.transitions(1))
    assert [t.after for t in reversed(log)] == [t.after for t in followed]
    assert len(acks) == 1, "only what was written"

    while intake.waiting:
        await intake.take([intake._queue.get_nowait()])
    await intake.take([news])
    assert [ack.upto for ack in acks] == [(n + 1) * ROWS for n in range(QUEUED + 2)]
    assert len(times) == sum(len(rows) for _, rows in heard), "judged once"
    page = await hand.store.read(lambda: results.query(1, limit=10_000))
    assert len(page.items) == (QUEUED + 2) * ROWS
    assert page.items[0].outcome is Outcome.FAILED
    await hand.close()
