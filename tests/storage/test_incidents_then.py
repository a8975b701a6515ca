"""Which incidents were open at a moment of the past, as it was known then."""

from msgspec.structs import replace

from pangea.core.incident import begin, follow
from pangea.core.model import Verdict
from pangea.core.verdict import Transition
from pangea.storage import incidents

S = 1_000_000
T = 1_700_000_000 * S
UP, DOWN = Verdict.UP, Verdict.DOWN


def change(seconds, after, job=1):
    before = UP if after is DOWN else DOWN
    return Transition(job, T + seconds * S, before, after, "refused")


def lasted(*seconds, job=1):
    """Return an incident that was open from the first on, over at the next …"""
    step = begin(1, f"j{job}", change(seconds[0], DOWN, job))
    for number, at in enumerate(seconds[1:]):
        after = DOWN if number % 2 else UP
        step = step.then(follow(step.incident, change(at, after, job)))
    return step


async def open_at(store, seconds):
    found = await store.read(lambda: incidents.open_at(1, T + seconds * S))
    return [(i.job, list(i.members)) for i in found]


async def test_what_is_over_now_was_open_then(store):
    await store.write(lambda: incidents.save(lasted(0, 100)))
    await store.write(lambda: incidents.save(lasted(50, job=2)))
    assert await open_at(store, -1) == []
    assert await open_at(store, 10) == [(1, [1])]
    assert await open_at(store, 60) == [(2, [2]), (1, [1])]
    assert await open_at(store, 500) == [(2, [2])]


async def test_what_opened_again_was_over_in_between(store):
    step = lasted(0, 100, 200, 300)
    assert step.incident.reopened == 1
    await store.write(lambda: incidents.save(step))
    found = [len(await open_at(store, at)) for at in (50, 150, 250, 350)]
    assert found == [1, 0, 1, 0]


async def test_what_late_results_added_was_not_known_then(store):
    step = lasted(0, 100)
    added = replace(step, incident=replace(step.incident, backfilled=True))
    await store.write(lambda: incidents.save(added))
    assert await open_at(store, 50) == []
