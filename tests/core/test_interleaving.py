"""Who comes and goes moves phases apart, and leaves no hole where nobody looks."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pangea.core.model import Job, Worker
from pangea.core.phase import next_due, worker_phase
from pangea.core.placement import follow, place

INTERVAL_S = 30.0
JOB = Job(id=1, name="j", type="tcp", target="x:1", interval_s=INTERVAL_S, timeout_s=5)
#: A change reaches the workers within so long of each other.
APART_S = 0.2

numbers = st.integers(1, 8)
moments = st.floats(1000.0, 1000.0 + INTERVAL_S)
delays = st.lists(st.floats(0, APART_S), min_size=9, max_size=9)


def workers(ids):
    return [
        Worker(id=n, key=bytes([n] * 32), name=f"w{n}", probes=("tcp",)) for n in ids
    ]


def phases(job, placement):
    """Return the phase of each worker, as it is assigned."""
    count = placement.places
    return {
        worker: worker_phase(job.id, job.interval_s, slot, count)
        for worker, slot in placement.running.items()
    }


def looks(before, after, at, late):
    """Return when somebody looks, in order, around the change at *at*."""
    seen = []
    for worker in before.keys() | after.keys():
        changed = at + late[worker]
        moment = at - 3 * INTERVAL_S
        until = changed if worker in after else at
        while worker in before and moment < until:
            moment = next_due(moment, INTERVAL_S, before[worker])
            if moment < until:
                seen.append(moment)
        moment = changed
        while worker in after and moment < at + 3 * INTERVAL_S:
            moment = next_due(moment, INTERVAL_S, after[worker])
            seen.append(moment)
    return sorted(m for m in seen if at - INTERVAL_S < m < at + 2 * INTERVAL_S)


def longest_hole(seen):
    return max(b - a for a, b in itertools.pairwise(seen))


def spacing(*placements):
    return INTERVAL_S / min(len(p.slots) for p in placements)


@given(st.integers(1, 10**6), st.sets(numbers, min_size=1), numbers, moments, delays)
def test_who_joins_leaves_no_hole_of_more_than_twice_the_spacing(
    number, ids, new, at, late
):
    job = replace(JOB, id=number)
    before = place(job, workers(sorted(ids - {new}) or [9]))
    after = place(job, workers(sorted({*(ids - {new} or {9}), new})))
    seen = looks(phases(job, before), phases(job, after), at, [0.0, *late])

    assert longest_hole(seen) <= 2 * spacing(before, after) + APART_S


@given(st.integers(1, 10**6), st.sets(numbers, min_size=2), moments, delays, st.data())
def test_who_leaves_leaves_no_hole_of_more_than_twice_the_spacing(
    number, ids, at, late, data
):
    job, gone = replace(JOB, id=number), data.draw(st.sampled_from(sorted(ids)))
    before = place(job, workers(sorted(ids)))
    after = place(job, workers(sorted(ids - {gone})))
    seen = looks(phases(job, before), phases(job, after), at, [0.0, *late])

    assert longest_hole(seen) <= 2 * spacing(before, after) + APART_S


@given(st.integers(1, 10**6), st.integers(2, 4), moments, delays, st.data())
def test_a_job_that_moves_leaves_no_hole(number, count, at, late, data):
    job = replace(JOB, id=number, on=f"count:{count}")
    before = place(job, workers(range(1, 9)))
    gone = data.draw(st.sampled_from(sorted(before.slots)))
    after = follow(before, place(job, workers(range(1, 9)), {gone}), {*range(1, 9)})
    seen = looks(phases(job, before), phases(job, after), at, [0.0, *late])

    assert longest_hole(seen) <= spacing(before, after) + 1e-6


@given(st.integers(1, 10**6), st.integers(2, 4), moments, delays, st.data())
def test_a_job_whose_worker_is_gone_has_a_hole_where_it_was(
    number, count, at, late, data
):
    job = replace(JOB, id=number, on=f"count:{count}")
    before = place(job, workers(range(1, 9)))
    gone = data.draw(st.sampled_from(sorted(before.slots)))
    here = {*range(1, 9)} - {gone}
    after = follow(before, place(job, workers(range(1, 9)), {gone}), here)
    seen = looks(phases(job, before), phases(job, after), at, [0.0, *late])

    assert longest_hole(seen) <= 2 * spacing(before, after) + APART_S


@given(st.integers(1, 10**6), st.sets(numbers, min_size=2), moments, delays, st.data())
def test_those_that_stay_share_the_interval_of_one_that_is_long_gone(
    number, ids, at, late, data
):
    job, gone = replace(JOB, id=number), data.draw(st.sampled_from(sorted(ids)))
    whole = place(job, workers(sorted(ids)))
    rest = place(job, workers(sorted(ids)), gone={gone})
    assert rest.seats == whole.seats, "it has its seat still"
    assert gone in rest.slots, "and what it has to do"
    without = place(job, workers(sorted(ids - {gone})))
    left, joined = phases(job, rest), phases(job, whole)
    assert {w: p for w, p in left.items() if w != gone} == phases(job, without)
    left.pop(gone)
    assert longest_hole(looks(left, left, at, [0.0, *late])) <= spacing(without) + 1e-6
    missed = {w: p for w, p in joined.items() if w != gone}
    for before, after in ((missed, left), (left, joined)):
        seen = looks(before, after, at, [0.0, *late])
        # Its own place was a hole before it was closed.
        assert longest_hole(seen) <= 3 * spacing(without) + APART_S


def test_where_all_are_gone_and_where_jobs_move_nobody_leaves_the_grid():
    all_of = place(JOB, workers((1, 2, 3)), gone={1, 2, 3})
    assert (all_of.places, sorted(all_of.slots.values())) == (3, [0, 1, 2])
    moving = place(replace(JOB, on="count:2"), workers((1, 2, 3)), gone={1})
    assert moving.places == 2


@given(st.integers(1, 10**6), st.sets(numbers, min_size=1), moments, delays)
def test_a_change_that_moves_nobody_is_no_look_more_or_less(number, ids, at, late):
    job = replace(JOB, id=number)
    same = phases(job, place(job, workers(sorted(ids))))
    seen = looks(same, same, at, [0.0, *late])

    assert longest_hole(seen) <= INTERVAL_S / len(ids) + 1e-6
