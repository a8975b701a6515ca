"""A worker that turns unwell and well with each word costs the others nothing."""

import asyncio
import logging

from pangea.coordinator.words import APART_S, TURNED_S, Words
from pangea.core.model import FIRST_ORG, Worker
from pangea.mesh.probe_messages import Health, Window
from tests.coordinator.conftest import CLOCK, row
from tests.coordinator.test_sickness import shared, until

HEL = Worker(id=1, key=b"h" * 32, name="hel")
BER = Worker(id=2, key=b"b" * 32, name="ber")


def said(at_us):
    return Health(at_us, (), ())


def test_what_comes_too_soon_waits_and_of_it_the_last_is_taken():
    words = Words()
    assert words.is_due(HEL, said(1), 10.0)
    assert not words.is_due(HEL, said(2), 10.05)
    assert not words.is_due(HEL, said(3), 10.06)
    assert words.is_due(BER, said(4), 10.06)
    assert words.due(10.06) == []
    assert words.due(10.0 + APART_S) == [(HEL, said(3))]
    assert words.due(99.0) == []


def test_after_a_turn_the_next_word_waits_for_long():
    words = Words()
    assert words.is_due(HEL, said(1), 10.0)
    words.turned(HEL.id, 10.0)
    assert not words.is_due(HEL, said(2), 10.0 + TURNED_S - 0.1)
    assert words.due(10.0 + TURNED_S - 0.05) == []
    assert words.due(10.0 + TURNED_S) == [(HEL, said(2))]


def test_a_later_word_that_is_taken_replaces_what_waited():
    words = Words()
    assert words.is_due(HEL, said(1), 10.0)
    assert not words.is_due(HEL, said(2), 10.05)
    assert words.is_due(HEL, said(3), 11.0)
    assert words.due(99.0) == []


async def test_a_hundred_turns_are_one(world, caplog):
    hel, ber = await shared(world, jobs=("web", "api"))
    other = world.spec(name="other", target="http://127.0.0.1:9/x", on="ber")
    await world.service.add_job(FIRST_ORG, other, dry_run=False)
    await ber.until(lambda f: len(f.held) == 3)
    judging, looked = world.coordinator.judging, []
    set_aside = judging._set_aside

    def spy(job, now, decided):
        looked.append(job)
        set_aside(job, now, decided)

    judging._set_aside = spy
    sicken, turns = judging.sicken, []

    def counted(workers, jobs):
        turns.append(set(workers))
        looked.clear()
        decided = sicken(workers, jobs)
        assert set(looked) == set(hel.held), "only its own jobs"
        return decided

    judging.sicken = counted
    with caplog.at_level(logging.WARNING), world.hub.subscribe(FIRST_ORG) as told:
        for n in range(100):
            now_us = round(CLOCK.wall() * 1e6)
            window = Window(now_us - 1000, 0 if n % 2 == 0 else now_us, "gateway: x")
            await hel.link.send(Health(now_us, (), (window,)))
            await asyncio.sleep(0.005)
        await until(lambda: sick(world))
        await asyncio.sleep(0.1)
        events = [e for e in await told.take(0.1) if e.kind == "worker"]
    assert turns == [{world.coordinator.board.worker("hel").id}]
    assert len(events) <= 1
    assert sum("hel: gateway" in line for line in caplog.messages) == 1
    await ber.report([row(job, 0.1) for job in ber.held], first=9)


async def sick(world):
    return world.coordinator.board.sick
