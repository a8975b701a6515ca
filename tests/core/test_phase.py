"""Phases: stable, even, and on time."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.phase import base_phase, next_due, worker_phase

intervals = st.floats(0.5, 86400)


@given(st.integers(1, 2**40), intervals)
def test_a_phase_lies_within_its_interval_and_never_moves(job, interval):
    assert 0 <= base_phase(job, interval) < interval
    assert base_phase(job, interval) == base_phase(job, interval)


@given(st.integers(1, 2**40), intervals, st.integers(1, 9))
def test_workers_stand_evenly_over_the_interval(job, interval, workers):
    phases = sorted(worker_phase(job, interval, n, workers) for n in range(workers))
    gaps = [b - a for a, b in itertools.pairwise(phases)]
    gaps.append(phases[0] + interval - phases[-1])

    assert gaps == pytest.approx([interval / workers] * workers, rel=1e-6, abs=1e-6)


@given(st.floats(0, 4e9), intervals, st.floats(0, 1, exclude_max=True))
def test_the_next_firing_is_ahead_and_at_most_an_interval_away(now, interval, share):
    due = next_due(now, interval, share * interval)

    assert now < due <= now + interval * 1.000001 + 1e-5


def test_many_jobs_spread_over_the_interval():
    tenths = [int(base_phase(job, 10.0)) for job in range(1, 10_001)]

    for tenth in range(10):
        assert 850 < tenths.count(tenth) < 1150
