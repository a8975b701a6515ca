"""Nobody is unwell for ever: not who tests itself no more, nor through a restart."""

from types import SimpleNamespace

import pytest

from pangea.coordinator.isolating import FROM_BEFORE
from pangea.coordinator.mute import SILENT_S, Mute
from pangea.core.sickness import FOR_EVER
from pangea.mesh.probe_messages import Health, Window
from pangea.storage import sick_windows, verdicts
from tests.coordinator.by_hand import ByHand, Hand, dead, job, well


async def sick(hand, number=1):
    """Let a worker say that it is unwell."""
    since = round((hand.clock.now - 1) * 1e6)
    said = Health(0, (), (Window(since, 0, "gateway: no answer"),))
    hand.c.sickness.hear(SimpleNamespace(worker=hand.board.workers[number]), said)
    await hand.tick()
    assert number in hand.board.sick


async def test_a_window_ends_when_its_worker_tests_itself_no_more(tmp_path):
    hand = await ByHand(tmp_path).open([job(1)], workers=2)
    await hand.steps(30, well)
    await sick(hand)
    hand.board.connected = {2}
    await hand.steps(60, well)
    assert 1 in hand.board.sick, "nobody knows while it is away"
    await hand.again()
    await hand.steps(round(SILENT_S) + 3, well)
    assert not hand.board.sick
    stored = await hand.store.read(sick_windows.all_of)
    assert stored[1][-1].until < FOR_EVER

    # What it says of failures counts again.
    hand.board.connected = {1}
    await hand.steps(400, dead)
    assert hand.verdict(1) == "down"
    await hand.close()


def test_who_spoke_on_this_link_is_not_mute_and_on_an_earlier_one_is():
    clock, links = Hand(), {}
    link = SimpleNamespace(worker=SimpleNamespace(id=1))
    links[1] = link
    mute = Mute(links, clock)
    mute.heard(link)
    assert not mute.is_mute(1)
    clock.now += 10 * SILENT_S
    assert not mute.is_mute(1)
    links[1] = SimpleNamespace(worker=link.worker)
    assert not mute.is_mute(1), "it has its time to speak"
    clock.now += SILENT_S + 1
    assert mute.is_mute(1)
    mute.gone(1)
    assert not mute.is_mute(1)


def but(number):
    return lambda job, worker: worker != number


async def isolated(hand, rule):
    """Return a coordinator of five jobs, with one worker of three alone in failing."""
    await hand.open([job(n, rule=rule) for n in range(1, 6)], workers=3)
    await hand.steps(30, well)
    await hand.steps(100, but(1))
    assert hand.board.sick[1].startswith("isolated")
    return hand


@pytest.mark.parametrize("rule", ["any", "majority"])
async def test_who_is_isolated_brings_nothing_down_after_a_restart(tmp_path, rule):
    hand = await isolated(ByHand(tmp_path), rule)
    if rule == "majority":
        await hand.hear([hand.row(1, 2, False)])  # one lost packet of another
    stopped = round(hand.clock.now * 1e6)
    await hand.again()
    await hand.steps(60, but(1))
    for number in hand.board.jobs:
        turns = await hand.store.read(lambda n=number: verdicts.transitions(n))
        assert not [t for t in turns if t.at_us > stopped]
    assert hand.board.sick[1] == FROM_BEFORE
    await hand.close()


async def test_who_was_isolated_is_believed_again_soon_after_a_restart(tmp_path):
    hand = await isolated(ByHand(tmp_path), "any")
    await hand.again()
    await hand.steps(50, well)
    assert not hand.board.sick
    await hand.steps(40, dead)
    assert hand.verdict(1) == "down"
    await hand.close()
