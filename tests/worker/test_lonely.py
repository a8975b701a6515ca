"""A worker that finds nobody says so, where it looked, and what to do."""

import asyncio
import itertools
import logging
import socket

from pangea.mesh.dial import Address
from pangea.worker import agent, lonely
from pangea.worker.finder import Finder
from pangea.worker.lonely import FIRST_S, LONGEST_S, Lonely, alone_words
from pangea.worker.trust import Trust
from tests.mesh.fakes import Stillness
from tests.worker.stub import make_agent


def test_it_is_said_after_a_minute_and_then_less_and_less_often():
    clock, said = Stillness(), []
    told = Lonely(clock)
    begun = clock.now
    while clock.now < begun + 4 * LONGEST_S:
        if alone_s := told.due():
            assert alone_s == clock.now - begun
            said.append(alone_s)
        clock.now += 3.0
    assert said[:4] == [FIRST_S, 3 * FIRST_S, 7 * FIRST_S, 15 * FIRST_S]
    gaps = [after - before for before, after in itertools.pairwise(said)]
    assert max(gaps) <= LONGEST_S + 3


def test_a_coordinator_ends_it():
    clock = Stillness()
    told = Lonely(clock)
    told.due()
    clock.now += FIRST_S
    told.met()
    assert told.due() == 0
    clock.now += FIRST_S - 1
    assert told.due() == 0
    clock.now += 1
    assert told.due() == FIRST_S


def test_without_an_address_it_says_how_to_give_one():
    said = alone_words(60.0, [], mdns=True, dns=True, no_dns="no search domain")
    assert "by mDNS" in said
    assert "in the DNS (no search domain)" in said
    assert "--join HOST[:PORT] or a join token" in said


def test_with_addresses_it_names_a_few():
    known = [Address(f"10.0.0.{n}", 7464) for n in range(5)]
    said = alone_words(60.0, known, mdns=False, dns=False)
    assert "10.0.0.0:7464" in said
    assert "and 2 more" in said
    assert "--join" not in said
    assert "firewall" in said


def test_the_finder_says_it_once_and_not_while_it_waits_to_be_dialled(tmp_path, caplog):
    for mdns, lines in ((True, 1), (False, 0)):
        clock = Stillness()
        finder = Finder([], Trust(tmp_path / "none"), list, clock, mdns=mdns)
        finder.nobody()
        clock.now += FIRST_S
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            finder.nobody()
            finder.nobody()
        assert len(caplog.messages) == lines


async def test_an_agent_that_reaches_nobody_says_so(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(lonely, "FIRST_S", 0.01)
    monkeypatch.setattr(agent, "LOOK_S", 0.02)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    alone = await make_agent(tmp_path, port)
    monkeypatch.setattr(alone._redial, "delay", lambda: 0.02)
    running = asyncio.create_task(alone.run())
    try:
        async with asyncio.timeout(20):
            while "no coordinator found" not in caplog.text:
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await alone.stop(patience_s=0.1)
    assert f"at 127.0.0.1:{port}" in caplog.text
