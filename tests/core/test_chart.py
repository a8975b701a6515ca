"""Charts made of characters: what they promise, and that nothing breaks them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.chart import BLOCKS, FAILURE, GAP, ascii_chart, sparkline

values = st.lists(
    st.none() | st.just(math.nan) | st.floats(min_value=0, allow_infinity=True),
    max_size=300,
)


@pytest.mark.parametrize(
    ("series", "drawn"),
    [
        pytest.param([], "", id="nothing"),
        pytest.param([1.0, None, 8.0], "▁×█", id="a failure among extremes"),
        pytest.param([None, None], "××", id="only failures"),
        pytest.param([math.nan, None], "·×", id="not measured is not failed"),
        pytest.param([10.0, 10.1, 10.2], "▁▁▁", id="jitter is no mountain"),
        pytest.param([0.0, 0.0], "▁▁", id="zeros"),
    ],
)
def test_a_sparkline_shows(series, drawn):
    assert sparkline(series) == drawn


@given(values)
def test_a_sparkline_has_one_known_character_a_value(series):
    drawn = sparkline(series)
    assert len(drawn) == len(series)
    for value, char in zip(series, drawn, strict=True):
        if value is None:
            assert char == FAILURE
        elif math.isfinite(value):
            assert char in BLOCKS
        else:
            assert char == GAP


@given(st.lists(st.floats(0, 1e9), min_size=2, max_size=80))
def test_a_larger_value_is_never_drawn_lower(series):
    heights = [BLOCKS.index(char) for char in sparkline(series)]
    ranked = [h for _, h in sorted(zip(series, heights, strict=True))]
    assert ranked == sorted(ranked)


@given(values, st.integers(1, 120), st.integers(1, 20))
def test_a_chart_is_a_rectangle_of_the_promised_size(series, width, height):
    lines = ascii_chart(
        series, width=width, height=height, start_label="-1 h", end_label="now"
    )
    plot = lines[:height]
    assert len(lines) == height + 2
    assert len({len(line) for line in plot}) == 1
    assert all(len(line.split("┤")[1]) == width for line in plot)
    assert lines[height].endswith("└" + "─" * width)


def test_a_chart_begins_at_zero_and_ends_at_a_round_number():
    lines = ascii_chart([25.0, 50.0], width=2, height=4)
    assert [line.split("┤")[1] for line in lines[:4]] == [" █", " █", "██", "██"]
    assert lines[0].startswith("50 ms")
    assert lines[2].startswith("25 ms")


def test_failures_stand_at_the_foot_and_gaps_stay_empty():
    lines = ascii_chart([9.0, None, math.nan, 9.0], width=4, height=3)
    columns = list(zip(*(line.split("┤")[1] for line in lines[:3]), strict=True))
    assert columns[1] == (" ", " ", FAILURE)
    assert columns[2] == (" ", " ", " ")


def test_summing_up_hides_neither_a_peak_nor_a_failure():
    series = [1.0] * 50 + [100.0] + [1.0] * 20 + [None] + [1.0] * 28
    lines = ascii_chart(series, width=10, height=4)
    assert "█" in lines[0]
    assert FAILURE in lines[3]


def test_a_small_value_is_still_seen():
    lines = ascii_chart([1000.0, 0.001], width=2, height=5)
    assert lines[4].split("┤")[1] == "█▁"


def test_a_chart_without_values_is_empty_but_whole():
    lines = ascii_chart([], width=8, height=3)
    assert len(lines) == 4
    assert all(line.split("┤")[1] == " " * 8 for line in lines[:3])
