"""A job that flapped when the coordinator stopped, and is steady when it is back."""

from tests.coordinator.by_hand import ByHand, dead, job, well


async def flapping(tmp_path):
    """Return a coordinator with a job that flaps."""
    hand = await ByHand(tmp_path).open([job(1)], workers=2)
    await hand.steps(40, well)
    for _ in range(8):
        await hand.steps(12, dead)
        await hand.steps(22, well)
    assert hand.incident(1).flapping == (1,)
    return hand


async def test_its_incident_closes_if_the_flapping_has_faded_meanwhile(tmp_path):
    hand = await flapping(tmp_path)
    await hand.again(after=180.0)
    await hand.steps(60, well)
    assert not hand.board.flaps.get(1)
    assert hand.incident(1) is None
    await hand.close()


async def test_its_incident_stays_while_it_flaps_still(tmp_path):
    hand = await flapping(tmp_path)
    await hand.again(after=2.0)
    await hand.steps(5, well)
    assert hand.incident(1).flapping == (1,)
    await hand.steps(200, well)
    assert hand.incident(1) is None
    await hand.close()
