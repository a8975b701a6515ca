"""Workers are asked once: they answer in any order, leave, refuse or lie."""

import asyncio
from contextlib import aclosing

import pytest
from msgspec.structs import replace

from pangea.coordinator import asking as module
from pangea.coordinator.probe_service import AT_ONCE, ProbeService
from pangea.core.errors import Conflict, NotFound, UsageError
from pangea.core.model import FIRST_ORG, Outcome
from pangea.mesh.messages import encode_row
from pangea.mesh.probe_messages import AskProbe, ProbeSaid
from pangea.web.api_probes import ProbeSpec
from pangea.web.refusals import TooMany
from tests.coordinator.conftest import row

TCP = ProbeSpec(type="tcp", target="127.0.0.1:9", timeout_s=1.0)


async def lines(world, spec=TCP):
    """Ask in the background; return the task whose result are the lines."""

    async def gather():
        async with aclosing(
            ProbeService(world.coordinator).ask(FIRST_ORG, spec, limited=False)
        ) as all_:
            return [line async for line in all_]

    return asyncio.create_task(gather())


async def question(far):
    await far.until(lambda f: any(isinstance(m, AskProbe) for m in f.heard))
    return next(m for m in far.heard if isinstance(m, AskProbe))


def said(ask, *, last=True, **more):
    return ProbeSaid(ask.id, encode_row(row(**{"job": ask.id, **more})), "", last)


async def test_every_connected_worker_is_asked_and_answers_as_it_can(world):
    hel, nyc = await world.join("hel"), await world.join("nyc")
    found = await lines(world)
    ask = await question(nyc)
    assert (ask.probe, ask.target, ask.timeout_s) == ("tcp", "127.0.0.1:9", 1.0)
    await nyc.link.send(said(ask, duration_ms=7.0))
    await hel.link.send(said(await question(hel), outcome=Outcome.FAILED))
    answers = {line.worker: line for line in await found}

    assert answers["nyc"].duration_ms == 7.0
    assert (answers["hel"].outcome, answers["hel"].reason) == ("failed", "refused")
    stored = await world.store.read(lambda: module_results())
    assert stored == []


def module_results():
    from pangea.storage import results

    return list(results.since(0))


async def test_who_leaves_before_it_answers_is_told_of(world):
    hel = await world.join("hel")
    found = await lines(world)
    await question(hel)
    await hel.link.close()
    (line,) = await found
    assert (line.outcome, line.refused) == ("error", "it left before it answered")


async def test_who_never_answers_is_given_up(world, monkeypatch):
    monkeypatch.setattr(module, "answered_within", lambda timeout_s, hops: 0.1)
    await world.join("hel")
    (line,) = await (await lines(world))
    assert line.refused == "it did not answer in time"
    assert not world.coordinator.reception.asking._open


async def test_who_cannot_is_not_asked_and_says_why(world):
    hel = await world.join("hel", probes=("http",), lacks={"tcp": "no tcp today"})
    (line,) = await (await lines(world))
    assert line.refused == "no tcp today"
    assert not any(isinstance(m, AskProbe) for m in hel.heard)


async def test_credentials_do_not_go_to_a_worker_nobody_has_approved(world, locked):
    hel = await world.join("hel", probes=("locked",))
    options = {"password": "hunter2"}
    spec = ProbeSpec(type="locked", target="127.0.0.1:9", options=options)
    (line,) = await (await lines(world, spec))
    assert line.refused.startswith("withheld: ")
    assert not any(isinstance(m, AskProbe) for m in hel.heard)

    worker = world.coordinator.board.worker("hel")
    world.coordinator.board.workers[worker.id] = replace(worker, trusted=True)
    found = await lines(world, spec)
    ask = await question(hel)
    assert ask.options == options
    await hel.link.send(said(ask))
    assert (await found)[0].outcome == "ok"


async def test_an_answer_that_nobody_asked_for_ends_the_link(world):
    hel = await world.join("hel")
    await hel.link.send(ProbeSaid(99, encode_row(row(99))))
    await hel.until(lambda f: f.heard and isinstance(f.heard[-1], Exception))


async def test_an_answer_to_the_question_of_another_worker_ends_the_link(world):
    hel, nyc = await world.join("hel"), await world.join("nyc")
    found = await lines(world)
    theirs = await question(nyc)
    await hel.link.send(said(theirs, duration_ms=666.0))
    await hel.until(lambda f: f.heard and isinstance(f.heard[-1], Exception))
    await nyc.link.send(said(theirs, duration_ms=1.0))
    answers = {line.worker: line for line in await found}
    assert answers["nyc"].duration_ms == 1.0
    assert answers["hel"].refused


async def test_a_late_answer_is_passed_over_and_a_third_one_too(world):
    hel = await world.join("hel")
    found = await lines(world)
    ask = await question(hel)
    await hel.link.send(said(ask))
    assert len(await found) == 1
    await hel.link.send(said(ask))
    again = await lines(world)
    await hel.until(lambda f: sum(isinstance(m, AskProbe) for m in f.heard) == 2)
    await hel.link.send(said(hel.heard[-1]))
    assert len(await again) == 1


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param({"readings": {"x": "y" * 100_000}}, id="a book"),
        pytest.param({"readings": {"x": "y" * 300_000}}, id="more than a frame of it"),
        pytest.param({"job": 4711}, id="the number of another question"),
        pytest.param({"job": -1}, id="no number"),
        pytest.param({"phases": {str(n): 1.0 for n in range(99)}}, id="99 phases"),
    ],
)
async def test_a_row_that_cannot_be_is_a_refusal(world, lie):
    hel = await world.join("hel")
    found = await lines(world)
    await hel.link.send(said(await question(hel), **lie))
    (line,) = await found
    assert line.refused.startswith("its answer cannot be taken")
    assert not line.readings


async def test_bytes_that_are_no_row_and_an_empty_answer_are_refusals(world):
    hel = await world.join("hel")
    for row_, why in ((b"\xc1", "cannot be taken"), (b"", "it gave no reason")):
        found = await lines(world)
        number = sum(isinstance(m, AskProbe) for m in hel.heard)
        await hel.until(
            lambda f, n=number: sum(isinstance(m, AskProbe) for m in f.heard) > n
        )
        await hel.link.send(ProbeSaid(hel.heard[-1].id, row_))
        (line,) = await found
        assert why in line.refused


async def test_terminal_commands_in_words_of_a_worker_are_harmless(world):
    hel = await world.join("hel")
    found = await lines(world)
    ask = await question(hel)
    await hel.link.send(ProbeSaid(ask.id, b"", "\x1b[2Jno"))
    (line,) = await found
    assert "\x1b" not in line.refused


async def test_what_is_wrong_is_said_before_anybody_is_asked(world):
    service = ProbeService(world.coordinator)
    with pytest.raises(Conflict, match="no worker is connected"):
        service.ask(FIRST_ORG, TCP, limited=False)
    await world.join("hel")
    with pytest.raises(NotFound):
        service.ask(FIRST_ORG, replace(TCP, workers=["hell"]), limited=False)
    with pytest.raises(UsageError, match="nobody can ask"):
        service.ask(FIRST_ORG, replace(TCP, type="heartbeat"), limited=False)
    with pytest.raises(UsageError):
        service.ask(FIRST_ORG, replace(TCP, target="no port"), limited=False)


async def test_more_than_the_budget_is_refused_with_when_to_come_back(world):
    await world.join("hel")
    service = ProbeService(world.coordinator)
    for _ in range(int(AT_ONCE)):
        await service.ask(FIRST_ORG, TCP, limited=False).aclose()
    with pytest.raises(TooMany) as raised:
        service.ask(FIRST_ORG, TCP, limited=False)
    assert 0 < raised.value.retry_s < 1
