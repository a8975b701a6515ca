"""Paths of charts stay in their plot, leave gaps, and hide nothing."""

import itertools
import math
import re

from hypothesis import given
from hypothesis import strategies as st

from pangea.core.chart_path import (
    HIGH,
    WIDE,
    band,
    blocks,
    classed,
    frame,
    is_known,
    line,
    runs,
    stacked,
)

VALUES = st.lists(
    st.one_of(st.none(), st.just(math.nan), st.floats(0, 1e7)), min_size=1, max_size=60
)


def points_of(d):
    """Return the coordinates of a path; blocks have theirs apart."""
    pairs = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", d)
    return [(float(x), float(y)) for x, y in pairs]


def framed(values, top=100.0):
    return frame(0.0, len(values) * 10.0, [n * 10.0 for n in range(len(values))], 10.0,
                 top)  # fmt: skip


@given(VALUES, st.floats(0.001, 1e6))
def test_a_line_stays_in_its_plot_and_draws_each_known_value(values, top):
    drawn = points_of(line(values, framed(values, top)))
    assert all(0 <= x <= WIDE and 0 <= y <= HIGH for x, y in drawn)
    # Each value has its middle, each run its two edges.
    known = sum(1 for v in values if is_known(v))
    assert len(drawn) == known + 2 * len(list(runs(values)))


@given(VALUES)
def test_a_gap_lifts_the_pen(values):
    assert line(values, framed(values)).count("M") == len(list(runs(values)))


@given(VALUES)
def test_runs_are_apart_and_hold_all_that_is_known(values):
    found = list(runs(values))
    assert [n for run in found for n in run] == [
        n for n, v in enumerate(values) if is_known(v)
    ]
    assert all(a.stop < b.start for a, b in itertools.pairwise(found))


@given(VALUES)
def test_the_pieces_of_a_line_are_the_line(values):
    classes = [str(n % 3) for n in range(len(values))]
    whole, parts = framed(values), classed(values, classes, framed(values))
    left, right = set(), set()
    for d in parts.values():
        for piece in re.split(r"(?=M)", d)[1:]:
            spots = points_of(piece)
            left.add(spots[0][0])
            right.add(spots[-1][0])
    for run in runs(values):
        assert round(whole.edges[run.start], 1) in left
        assert round(whole.edges[run.stop], 1) in right
    count = sum(d.count("M") for d in parts.values())
    assert count == sum(1 for v in values if is_known(v))


@given(VALUES, VALUES)
def test_a_band_is_closed_and_only_where_both_are_known(low, high):
    size = min(len(low), len(high))
    low, high = low[:size], high[:size]
    drawn = band(low, high, framed(low))
    both = [a if is_known(a) and is_known(b) else None
            for a, b in zip(low, high, strict=True)]  # fmt: skip
    assert drawn.count("M") == drawn.count("Z") == len(list(runs(both)))


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=60))
def test_whatever_was_lost_can_be_seen(shares):
    drawn = blocks(shares, framed(shares))
    assert drawn.count("M") == sum(1 for s in shares if s is not None and s > 0)
    heights = [float(y) for y in re.findall(r"V([\d.]+)H", drawn)]
    assert all(0 <= y <= HIGH * 0.96 for y in heights)


@given(st.lists(st.lists(st.floats(0, 50), min_size=4, max_size=4), min_size=1,
                max_size=6))  # fmt: skip
def test_a_stack_rises_from_band_to_band(series):
    at = frame(0.0, 4.0, [0.0, 1.0, 2.0, 3.0], 1.0, 1000.0)
    tops = [min(y for _, y in points_of(d)) for d in stacked(series, at)]
    assert len(tops) == len(series)
    assert all(after <= before for before, after in itertools.pairwise(tops))


def test_what_nobody_knows_is_not_stacked():
    at = frame(0.0, 3.0, [0.0, 1.0, 2.0], 1.0, 10.0)
    first, second = stacked([[1.0, None, 1.0], [2.0, None, None]], at)
    assert first.count("M") == second.count("M") == 2


def test_a_step_that_sticks_out_is_cut():
    at = frame(5.0, 25.0, [0.0, 10.0, 20.0], 10.0, 1.0)
    assert list(at.edges) == [0.0, 250.0, 750.0, 1000.0]


def test_nothing_is_drawn_of_nothing():
    at = frame(0.0, 10.0, [], 10.0, 1.0)
    assert line([], at) == band([], [], at) == blocks([], at) == ""
    assert stacked([], at) == []
    assert classed([], [], at) == {}
