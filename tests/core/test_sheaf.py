"""What arrived together is found again, and nothing else is believed."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import StorageError
from pangea.core.sheaf import BLOCK, MOST_ROWS, Opened, all_jobs, pack, places

WIDE = st.integers(-(1 << 62), 1 << 62)
ROWS = st.lists(
    st.tuples(
        st.integers(0, 5) | st.integers(0, 1 << 62),
        st.integers(0, 3) | WIDE,
        st.integers(1_790_000_000_000_000, 1_790_000_000_900_000) | WIDE,
        st.integers(0, 10**6) | st.integers(0, 10**15),
        st.sampled_from([0, 1, 2]),
        st.integers(0, 0x7FFFFFFF),
        st.none() | st.binary(min_size=1, max_size=40),
    ),
    min_size=1,
    max_size=40,
).map(lambda rows: sorted(rows, key=lambda row: row[0]))


@given(ROWS)
def test_every_result_comes_back_as_it_was(rows):
    jobs, heads, bodies = pack(rows)
    sheaf = Opened(len(rows), heads, bodies)
    found = [
        (job, sheaf.workers[n], *sheaf.row(n, body=True))
        for n, job in enumerate(all_jobs(jobs, len(rows)))
    ]
    assert found == rows
    assert [sheaf.started(n) for n in range(len(rows))] == [row[2] for row in rows]


@given(ROWS, st.integers(0, 6), st.integers(0, 6))
def test_the_places_of_some_jobs_are_those_that_a_look_at_all_finds(rows, one, other):
    first, last = sorted((one, other))
    there = places(pack(rows).jobs, len(rows), first, last)
    assert list(there) == [n for n, r in enumerate(rows) if first <= r[0] <= last]


def test_bodies_lie_in_blocks_of_which_one_is_opened():
    body = bytes(range(256)) * (BLOCK // 1024)
    rows = [(1, 1, n, 0, 0, 0, body + bytes([n])) for n in range(20)]
    _, heads, bodies = pack(rows)
    sheaf = Opened(20, heads, bodies)
    assert sheaf.body(13) == rows[13][-1]
    assert sheaf.body(0) == rows[0][-1]
    assert sheaf.body(13, wanted=False) is None


def test_a_sheaf_of_pings_takes_few_bytes():
    rows = [(n, 1, 1_790_000_000_000_000 + n * 9_999, 12_000 + n % 97, 0, 0, None)
            for n in range(MOST_ROWS)]  # fmt: skip
    jobs, heads, bodies = pack(rows)
    assert (len(jobs) + len(heads)) / len(rows) < 11
    assert bodies is None


@given(ROWS, st.data())
def test_what_is_damaged_is_refused_or_reads_as_something_but_never_breaks(rows, data):
    parts = [bytearray(part) for part in pack(rows) if part is not None]
    hurt = data.draw(st.sampled_from(parts))
    at = data.draw(st.integers(0, len(hurt) - 1))
    if data.draw(st.booleans()):
        del hurt[at:]
    else:
        hurt[at] ^= data.draw(st.integers(1, 255))
    jobs, heads, bodies = [*map(bytes, parts), None][:3]
    with suppress(StorageError):
        all_jobs(jobs, len(rows))
        sheaf = Opened(len(rows), heads, bodies)
        for n in range(len(rows)):
            sheaf.row(n, body=True)


@pytest.mark.parametrize("row", [(1 << 70, 1, 0, 0, 0, 0, None)])
def test_a_number_too_large_is_no_column(row):
    import struct

    with pytest.raises(struct.error):
        pack([row])
