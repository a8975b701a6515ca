"""A job that reports by itself and whose parent was down is not quiet for ever."""

from tests.coordinator.by_hand import ByHand, dead, job, well


async def test_a_missed_report_is_told_when_the_parent_has_been_up_for_long(tmp_path):
    beat = job(2, type="heartbeat", target="x", depends_on=(1,), interval_s=60.0)
    hand = await ByHand(tmp_path).open([job(1), beat], workers=2)
    await hand.steps(40, well)
    await hand.hear([hand.row(2, 0)])
    await hand.hear([hand.row(2, 0)])
    await hand.steps(40, dead)
    await hand.hear([hand.row(2, 0, False, reason="missed")])
    await hand.steps(3, dead)
    assert hand.incident(2) is hand.incident(1)

    await hand.steps(40, well)
    assert hand.verdict(1) == "up"
    assert hand.c.incidents.suppressed(2, hand.clock.now), "it has time to report"
    await hand.steps(110, well)
    assert not hand.c.incidents.suppressed(2, hand.clock.now)
    assert hand.incident(2).title == "j2"
    await hand.close()
