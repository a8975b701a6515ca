"""A job that leaves its parent's incident is in one incident, and never in two."""

from pangea.coordinator.decided import Decided
from pangea.core.incident import begin
from pangea.core.model import Verdict
from pangea.core.verdict import Transition
from tests.coordinator.by_hand import ByHand, dead, job, well


def only_parents(job, worker):
    return job in (1, 2)


async def left_alone(tmp_path):
    """Return a coordinator where all but the last of a chain is up again."""
    chain = [job(1), job(2, depends_on=(1,)), job(3, depends_on=(2,))]
    hand = await ByHand(tmp_path).open(chain, workers=2)
    await hand.steps(40, well)
    await hand.steps(40, dead)
    suppression = hand.c.planned.suppression
    while 3 not in suppression._eased:
        await hand.steps(1, only_parents)
    return hand, suppression._eased[3]


def unwell_in(hand, job):
    """Return the open incidents in which *job* is not well."""
    return [
        i
        for i in hand.c.incidents.all_open(1)
        if job in i.members and not i.members[job].recovered_us
    ]


async def test_it_has_one_incident_if_its_time_ends_between_two_looks(tmp_path):
    hand, ends = await left_alone(tmp_path)
    while hand.clock.now < ends - 1:
        await hand.steps(1, only_parents)
    hand.clock.now = ends - 0.02
    await hand.c.planned.look(hand.clock.now)
    hand.clock.now = ends + 0.02
    await hand.c.intake.note(hand.c.incidents.look())
    for _ in range(5):
        await hand.steps(1, only_parents)
        assert len(unwell_in(hand, 3)) == 1
    await hand.steps(200, well)
    assert hand.c.incidents.all_open(1) == []
    await hand.close()


async def test_what_is_held_and_has_an_incident_opens_no_other(tmp_path):
    hand, _ = await left_alone(tmp_path)
    incidents = hand.c.incidents
    change = incidents._held.get(3) or Transition(
        3, round(hand.clock.now * 1e6), Verdict.UNKNOWN, Verdict.DOWN, "refused"
    )
    if not unwell_in(hand, 3):
        incidents.put(begin(1, "j3", change), Decided())
    (mine,) = unwell_in(hand, 3)
    incidents._held[3] = change
    await hand.steps(60, only_parents)
    assert [i.id for i in unwell_in(hand, 3)] in ([mine.id], [incidents._of[3]])
    assert 3 not in incidents._held

    # It left another than the one that it is in: that one is still its own.
    own = incidents.open_of(3)
    incidents.release(change, "another")
    assert incidents.open_of(3) is own
    assert 3 not in incidents._held
    await hand.close()
