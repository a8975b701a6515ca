import asyncio

import pytest

from pangea.core.failure import ProbeError
from pangea.core.model import Outcome
from pangea.probes import tls_gate
from pangea.probes.tls_gate import StartGate

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


async def enter(gate, name, passed):
    if not gate.is_open():
        await gate.wait()
    passed.append(name)


async def test_so_many_begin_at_once_and_the_others_in_their_order():
    gate, passed = StartGate(starts=2, tick_s=0.01), []
    tasks = [asyncio.create_task(enter(gate, n, passed)) for n in range(7)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert passed == [0, 1]
    await asyncio.gather(*tasks)
    assert passed == list(range(7))


async def test_a_late_tick_lets_no_more_through():
    gate, passed = StartGate(starts=1, tick_s=0.002), []
    tasks = [asyncio.create_task(enter(gate, n, passed)) for n in range(6)]
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    until = loop.time() + 0.02
    while loop.time() < until:
        pass
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(passed) <= 2
    await asyncio.gather(*tasks)


async def test_who_gives_up_takes_nobody_elses_turn():
    gate, passed = StartGate(starts=1, tick_s=60.0), []
    tasks = [asyncio.create_task(enter(gate, n, passed)) for n in range(6)]
    await asyncio.sleep(0)
    for given_up in tasks[1:4]:
        given_up.cancel()
    for _ in range(2):
        gate._timer.cancel()
        gate._tick()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert passed == [0, 4, 5]


async def test_an_idle_gate_costs_no_timer():
    gate = StartGate(starts=1, tick_s=0.1)
    assert gate.is_open()
    assert not gate.is_open()
    await asyncio.sleep(0.11)
    assert gate.is_open()
    assert gate._timer is None


async def test_too_many_who_wait_are_our_overload(monkeypatch):
    monkeypatch.setattr(tls_gate, "MAX_WAITING", 1)
    gate = StartGate(starts=1, tick_s=0.1)
    assert gate.is_open()
    first = asyncio.create_task(gate.wait())
    await asyncio.sleep(0)
    with pytest.raises(ProbeError) as refusal:
        await gate.wait()
    assert refusal.value.reason == "overload"
    await first


async def test_closing_lets_everybody_through():
    gate = StartGate(starts=1, tick_s=30)
    assert gate.is_open()
    waiting = [asyncio.create_task(gate.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    gate.close()
    await asyncio.wait_for(asyncio.gather(*waiting), 1)


async def test_our_own_wait_is_a_phase_and_not_the_targets_time(
    serve, ask, tools, server_tls, ca_file
):
    async def greet(reader, writer):
        await reader.read(100)

    port = await serve(greet, server_tls)
    target, how = f"127.0.0.1:{port}", {"ca_file": ca_file, "warn_days": 0}
    await ask("tls", target, **how)
    tools.tls.gate = StartGate(starts=1, tick_s=0.05)
    results = await asyncio.gather(*(ask("tls", target, **how) for _ in range(3)))
    assert {r.outcome for r in results} == {Outcome.OK}
    waits = sorted(r.phases.get("wait", 0.0) for r in results)
    assert waits[0] < 5
    assert waits[1] > 30
    assert waits[2] > 70
    for result in results:
        counted = sum(ms for name, ms in result.phases.items() if name != "wait")
        assert result.duration_ms < counted + 25


async def test_our_own_wait_does_not_count_over_https_either(
    serve, ask, tools, server_tls, ca_file
):
    target = f"https://127.0.0.1:{await serve(GOOD, server_tls)}/"
    await ask("http", target, ca_file=ca_file)
    tools.tls.gate = StartGate(starts=1, tick_s=0.05)
    asked = (ask("http", target, ca_file=ca_file) for _ in range(3))
    results = await asyncio.gather(*asked)
    assert {r.outcome for r in results} == {Outcome.OK}
    assert max(r.phases.get("wait", 0.0) for r in results) > 70
    for result in results:
        counted = sum(ms for name, ms in result.phases.items() if name != "wait")
        assert result.duration_ms == pytest.approx(counted)


@pytest.mark.parametrize("type_", ["http", "tls", "tcp"])
async def test_a_timeout_in_our_own_wait_is_our_overload(
    serve, ask, tools, server_tls, ca_file, type_
):
    target = f"127.0.0.1:{await serve(GOOD, server_tls)}"
    tools.tls.gate = StartGate(starts=1, tick_s=30)
    assert tools.tls.gate.is_open()
    how = {"tls": True} if type_ == "tcp" else {}
    result = await ask(type_, target, timeout_s=0.2, ca_file=ca_file, **how)
    assert (result.outcome, result.reason) == (Outcome.ERROR, "overload")
    assert result.detail == "its turn on this worker took most of its 0.2 s"
    assert result.duration_ms < 100


async def test_tarpits_do_not_keep_others_waiting(
    serve, ask, server_tls, ca_file, tools
):
    async def greet(reader, writer):
        await reader.read(100)

    async def silent(reader, writer):
        while await reader.read(9000):
            pass

    good = f"127.0.0.1:{await serve(greet, server_tls)}"
    bad = f"127.0.0.1:{await serve(silent)}"
    how = {"ca_file": ca_file, "warn_days": 0}
    pits = [asyncio.create_task(ask("tls", bad, timeout_s=2)) for _ in range(20)]
    results = await asyncio.gather(*(ask("tls", good, **how) for _ in range(20)))
    assert {r.outcome for r in results} == {Outcome.OK}
    assert not any(task.done() for task in pits)
    for task in pits:
        task.cancel()
    await asyncio.gather(*pits, return_exceptions=True)
