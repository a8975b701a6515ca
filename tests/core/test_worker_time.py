"""Where a worker's results lie in time, whatever its wall clock says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.worker_time import PAST_US, WorkerTime, error_bound_us

NOW = 1_795_000_000_000_000
HOUR = 3_600_000_000
YEAR_1970, YEAR_2090 = 5_000_000, 3_786_912_000_000_000


@pytest.mark.parametrize("wall", [YEAR_1970, YEAR_2090, NOW - HOUR, -1, 1 << 62])
def test_the_boot_clock_places_a_result_whatever_the_wall_clock_said(wall):
    time = WorkerTime(wall_offset_us=123, boot_offset_us=NOW - 10 * HOUR)
    assert time.place(wall, 9 * HOUR * 1000, NOW) == (NOW - HOUR, False)


def test_without_a_boot_clock_the_wall_clock_is_corrected():
    time = WorkerTime(HOUR, NOW - 10 * HOUR)
    assert time.place(NOW - 2 * HOUR, 0, NOW) == (NOW - HOUR, False)


def test_what_an_earlier_boot_made_is_a_guess_before_its_end():
    time = WorkerTime(0, None, before_us=NOW - HOUR)
    assert time.place(NOW - 3 * HOUR, 77, NOW) == (NOW - 3 * HOUR, True)
    for impossible in (YEAR_1970, YEAR_2090, NOW - HOUR + 1):
        assert time.place(impossible, 77, NOW) == (NOW - HOUR, True)


def test_an_earlier_boot_that_a_link_has_measured_is_no_guess():
    time = WorkerTime(0, NOW - 100 * HOUR, before_us=NOW - HOUR)
    assert time.place(YEAR_1970, 90 * HOUR * 1000, NOW) == (NOW - 10 * HOUR, False)


def test_a_result_from_the_future_or_long_ago_is_clamped_and_flagged():
    time = WorkerTime(0, NOW)
    assert time.place(0, 1_000_000_000, NOW) == (NOW + 1_000_000, False)
    assert time.place(0, 3_000_000_000, NOW) == (NOW, True)
    assert WorkerTime(0).place(NOW - PAST_US - 1, 0, NOW) == (NOW, True)


def test_what_waited_in_a_spool_for_too_long_does_not_speak_of_now():
    time = WorkerTime(0, NOW - 2 * PAST_US, before_us=NOW - HOUR)
    assert time.place(YEAR_1970, HOUR * 1000, NOW) == (NOW - PAST_US, True)


@given(*[st.integers(-(1 << 64), 1 << 64)] * 5, st.booleans())
def test_no_number_lands_outside_what_is_possible(wall, boot, one, two, end, known):
    time = WorkerTime(one, two if known else None, end)
    at_us, guessed = time.place(wall, boot, NOW)
    assert NOW - 2 * PAST_US <= at_us <= NOW + 2_000_000
    assert guessed or at_us >= NOW - PAST_US


def test_the_error_grows_with_the_round_trip_and_with_age():
    assert error_bound_us(3000) == 1500
    assert error_bound_us(3000, age_s=100) == 11_500
