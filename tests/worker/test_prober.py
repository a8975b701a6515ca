"""Assigned probes run when they are due, one at a time, and stop when told."""

import asyncio
import itertools

import pytest
from msgspec.structs import replace

from pangea.core.model import Assignment, Flag, Outcome
from pangea.probes.tools import Tools
from pangea.system_clock import SystemClock
from pangea.worker.lag import LagMeter
from pangea.worker.prober import Prober

CLOCK = SystemClock()


def assignment(job, port, interval=0.5, type_="tcp", **options):
    target = f"127.0.0.1:{port}"
    return Assignment(job, type_, target, interval, 0.4, 0.0, options)


@pytest.fixture
async def prober():
    results = []
    made = Prober(Tools(), CLOCK, results.append, LagMeter(CLOCK), {})
    made.results = results
    made.start()
    yield made
    await made.stop(1.0)


@pytest.fixture
async def port():
    async def greet(reader, writer):
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
async def silent_port():
    held = []
    server = await asyncio.start_server(
        lambda reader, writer: held.append(writer), "127.0.0.1", 0
    )
    yield server.sockets[0].getsockname()[1]
    for writer in held:
        writer.close()
    server.close()


async def until(what, seconds=20.0):
    async with asyncio.timeout(seconds):
        while not what():
            await asyncio.sleep(0.01)


async def test_an_assigned_probe_runs_every_interval(prober, port):
    prober.apply([assignment(1, port)])
    await until(lambda: len(prober.results) >= 3)

    assert {r.outcome for r in prober.results} == {Outcome.OK}
    starts = [r.started_at_us for r in prober.results]
    gaps = [b - a for a, b in itertools.pairwise(starts)]
    assert all(300_000 < gap < 700_000 for gap in gaps)


async def test_what_is_dropped_runs_no_more(prober, port):
    prober.apply([assignment(1, port), assignment(2, port)])
    await until(lambda: {r.job for r in prober.results} == {1, 2})
    prober.apply([], drop=[1])
    prober.results.clear()
    await until(lambda: len(prober.results) >= 2)

    assert {r.job for r in prober.results} == {2}


async def test_the_whole_set_replaces_what_was_there(prober, port):
    prober.apply([assignment(1, port)])
    prober.replace_all([assignment(2, port)])

    assert set(prober.assignments) == {2}


async def test_a_run_that_still_goes_on_is_not_started_again(prober, silent_port):
    slow = assignment(1, silent_port, interval=60.0, expect="never")
    prober.apply([slow])
    prober.run_now(1)
    await asyncio.sleep(0.05)
    prober.run_now(1)
    await until(lambda: prober.results)

    assert prober.skipped == 1
    assert [r.reason for r in prober.results] == ["timeout"]
    assert prober.results[0].flags & Flag.REPEAT, "it is what was asked for"


async def test_the_schedule_leaves_way_for_a_run_that_was_asked_for(prober, port):
    phase = (CLOCK.wall() + 0.1) % 60.0
    for job, delay_s in ((1, 0.3), (2, 30.0)):
        first = assignment(job, port, interval=60.0)
        prober.apply([replace(first, phase_s=phase)])
        prober.run_now(job, delay_s)
    await until(lambda: len(prober.results) == 2)

    asked = {r.job: bool(r.flags & Flag.REPEAT) for r in prober.results}
    assert asked == {1: True, 2: False}


async def test_another_phase_interrupts_no_run_and_forgets_none(
    prober, silent_port, port
):
    slow = assignment(1, silent_port, interval=60.0, expect="never")
    asked = assignment(2, port, interval=60.0)
    prober.apply([slow, asked])
    prober.run_now(1)
    prober.run_now(2, 0.2)
    await asyncio.sleep(0.05)
    prober.apply([replace(one, phase_s=40.0) for one in (slow, asked)])
    await until(lambda: len(prober.results) == 2)

    assert {r.job for r in prober.results} == {1, 2}
    assert prober.assignments[1].phase_s == 40.0


async def test_a_run_on_request_is_marked_and_waits_its_delay(prober, port):
    prober.apply([assignment(1, port, interval=3600.0)])
    begun = CLOCK.wall()
    prober.run_now(1, 0.2)
    await until(lambda: prober.results)

    (result,) = prober.results
    assert result.flags & Flag.REPEAT
    assert result.started_at_us / 1e6 - begun >= 0.2


async def test_what_this_version_cannot_ask_is_our_error(prober, port):
    prober.apply([assignment(1, port, unheard_of=True)])
    prober.run_now(1)
    await until(lambda: prober.results)

    assert prober.results[0].outcome is Outcome.ERROR
    assert prober.results[0].reason == "unsupported"
    assert "unheard_of" in prober.results[0].detail


async def test_stopping_waits_for_what_runs_then_cancels_it(prober, silent_port):
    prober.apply([assignment(1, silent_port, interval=60.0, expect="never")])
    prober.run_now(1)
    await asyncio.sleep(0.05)
    begun = CLOCK.monotonic()
    await prober.stop(0.1)

    assert CLOCK.monotonic() - begun < 3
    assert prober.results == [], "a run that was cancelled has no opinion"
