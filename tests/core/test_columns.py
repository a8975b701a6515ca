"""Columns come back as they were, cost what their noise costs, and may lie."""

import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.columns import (
    Cursor,
    pack,
    pack_runs,
    unpack,
    unpack_runs,
    unzigzag,
    zigzag,
)
from pangea.core.errors import StorageError

NUMBERS = st.integers(-(1 << 62), 1 << 62)


@given(st.lists(NUMBERS | st.integers(-3, 3), min_size=1, max_size=200))
def test_a_column_comes_back_as_it_was(numbers):
    cursor = Cursor(pack(numbers) + b"next")
    assert unpack(cursor, len(numbers)) == numbers
    assert cursor.take(4) == b"next"


@given(st.lists(st.integers(0, 5), min_size=1))
def test_runs_come_back_as_they_were(numbers):
    cursor = Cursor(pack_runs(numbers))
    assert unpack_runs(cursor, len(numbers)) == numbers
    assert not cursor.left


@given(NUMBERS)
def test_small_numbers_of_either_sign_stay_small(number):
    assert 0 <= zigzag(number) <= 2 * abs(number)
    assert unzigzag(zigzag(number)) == number


def test_what_stays_the_same_costs_a_few_bytes():
    assert len(pack([443] * 10_000)) <= 4


def test_noise_costs_about_its_own_bits():
    chance = random.Random(3)
    numbers = [20_000 + round(chance.gauss(0, 500)) for _ in range(720)]
    # The entropy is 11 bits; varints of seven would take 16 or more.
    assert len(pack(numbers)) < 720 * 12.2 / 8


def test_a_timeout_among_quick_ones_costs_no_other_much():
    numbers = [100 + n % 7 for n in range(60)]
    assert len(pack([*numbers, 30_000_000])) < len(pack(numbers)) + 12


@given(st.binary(max_size=60), st.integers(1, 50))
def test_bytes_that_nobody_wrote_are_refused_or_read_but_never_break(data, count):
    for read in (unpack, unpack_runs):
        with suppress(StorageError):
            assert len(read(Cursor(data), count)) == count


def test_a_column_cut_short_is_refused():
    whole = pack(list(range(0, 9000, 37)))
    for size in range(len(whole)):
        with pytest.raises(StorageError):
            unpack(Cursor(whole[:size]), 244)
