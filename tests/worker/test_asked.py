"""Probes that are asked for once: run, bounded, refused in words, never stored."""

import asyncio

import pytest

from pangea.core.errors import LinkClosed
from pangea.core.model import Flag, Outcome
from pangea.mesh.messages import decode_row
from pangea.mesh.probe_messages import AskProbe
from pangea.probes.tools import Tools
from pangea.system_clock import SystemClock
from pangea.worker import asked as module
from pangea.worker.asked import AT_ONCE, WAITING, Asked, host_of
from pangea.worker.lag import LagMeter


class Answers:
    """What was said, and when the last word to a question came."""

    def __init__(self):
        self.said = []
        self.news = asyncio.Event()

    async def __call__(self, message):
        self.said.append(message)
        self.news.set()

    async def last(self, count=1):
        async with asyncio.timeout(10):
            while sum(m.last for m in self.said) < count:
                self.news.clear()
                await self.news.wait()
        return self.said


@pytest.fixture
async def asked():
    tools, clock = Tools(), SystemClock()
    made = Asked(tools, clock, LagMeter(clock))
    yield made
    made.drop()
    await tools.close()


@pytest.fixture
async def port():
    async def greet(reader, writer):
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


def ask(port, **more):
    told = {"probe": "tcp", "target": f"127.0.0.1:{port}", "options": {}}
    return AskProbe(**{"id": 7, "timeout_s": 2.0, **told, **more})


async def test_the_answer_is_a_row_that_bears_the_number_of_the_question(asked, port):
    say = Answers()
    await asked.take(ask(port), say)
    (said,) = await say.last()

    row = decode_row(said.row)
    assert (said.id, row.job, said.refused) == (7, 7, "")
    assert row.outcome is Outcome.OK
    assert row.flags & Flag.REPEAT
    assert row.readings["address"] == "127.0.0.1"


async def test_what_must_not_answer_and_does_has_failed(asked, port):
    say = Answers()
    await asked.take(ask(port, expect="fail"), say)
    (said,) = await say.last()
    assert decode_row(said.row).reason == "answered"


async def test_with_hops_the_way_follows_as_a_second_answer(asked, port):
    say = Answers()
    await asked.take(ask(port, hops=True), say)
    first, second = await say.last()

    assert (first.last, second.last) == (False, True)
    way = decode_row(second.row)
    assert way.job == 7
    assert way.readings.get("hops") is not None or way.outcome is Outcome.ERROR


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        pytest.param({"probe": "gopher"}, "unknown probe type", id="no such type"),
        pytest.param({"probe": "heartbeat"}, "reports by itself", id="pushed"),
        pytest.param({"target": "no port"}, "target", id="a bad target"),
        pytest.param({"options": {"x": 1}}, "option", id="an unknown option"),
        pytest.param({"timeout_s": 61.0}, "60 s", id="too long"),
        pytest.param({"timeout_s": float("nan")}, "60 s", id="no time at all"),
        pytest.param({"timeout_s": -1.0}, "60 s", id="time that is over"),
        pytest.param({"expect": "maybe"}, "maybe", id="an unknown wish"),
        pytest.param(
            {"probe": "icmp", "target": "127.0.0.1", "timeout_s": 0.01}, "sends for",
            id="no time to send",
        ),
    ],
)  # fmt: skip
async def test_what_cannot_be_asked_is_refused_in_words(asked, wrong, why):
    say = Answers()
    await asked.take(ask(9, **wrong), say)
    (said,) = say.said
    assert why in said.refused
    assert (bytes(said.row), said.last) == (b"", True)


async def test_too_many_at_once_are_refused_and_the_rest_is_served(asked):
    held = asyncio.Event()

    async def hang(reader, writer):
        await held.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    where = server.sockets[0].getsockname()[1]
    say, most = Answers(), AT_ONCE + WAITING
    slow = {"probe": "http", "target": f"http://127.0.0.1:{where}/"}
    for number in range(most + 3):
        await asked.take(ask(where, id=number + 1, **slow), say)
    assert [m.id for m in say.said] == [most + 1, most + 2, most + 3]
    assert all("run or wait already" in m.refused for m in say.said)
    held.set()
    await say.last(most + 3)
    server.close()


async def test_who_waits_too_long_for_a_turn_is_told_so(asked, monkeypatch):
    monkeypatch.setattr(module, "TURN_S", 0.05)
    for _ in range(AT_ONCE):
        await asked._turns.acquire()
    say = Answers()
    await asked.take(ask(9), say)
    (said,) = await say.last()
    assert "no turn" in said.refused


async def test_a_link_that_breaks_ends_the_questions(asked, port):
    async def broken(message):
        raise LinkClosed("gone")

    await asked.take(ask(port), broken)
    (task,) = asked._tasks
    await task
    await asked.take(ask(port), broken)
    (task,) = asked._tasks
    asked.drop()
    await asyncio.wait([task])
    assert task.cancelled()


@pytest.mark.parametrize(
    ("probe", "target", "readings", "host"),
    [
        ("tcp", "example.com:22", {"address": "192.0.2.1"}, "192.0.2.1"),
        ("tcp", "example.com:22", {}, "example.com"),
        ("http", "https://example.com:8443/x", {}, "example.com"),
        ("icmp", "2001:db8::1", {}, "2001:db8::1"),
        ("tcp", "[2001:db8::1]:22", {}, "2001:db8::1"),
        ("dns", "example.com", {"resolver": "192.0.2.53 port 53"}, "192.0.2.53"),
    ],
)
def test_the_way_leads_to_what_was_asked(probe, target, readings, host):
    assert host_of(ask(1, probe=probe, target=target), readings) == host
