"""Chunks give back what they keep, and refuse what nobody packed."""

import random
import zlib
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.chunk import Row, decode, decode_numbers, encode
from pangea.core.errors import StorageError
from pangea.core.model import Flag

pack, unpack = msgspec.msgpack.encode, msgspec.msgpack.decode
HOUR_US = 497_222 * 3_600_000_000

TEXTS = st.sampled_from(["", "refused", "zürich", "\x00", "x" * 300]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=5
)
#: To a thousandth, as they are kept.
PARTS = st.integers(-(10**12), 10**12).map(lambda n: n / 1000)
VALUES = st.one_of(
    PARTS,
    st.integers(-(1 << 63), (1 << 64) - 1),
    st.booleans(),
    st.none(),
    TEXTS,
    st.lists(PARTS, max_size=3),
    st.dictionaries(TEXTS, TEXTS, max_size=2),
)
BODIES = st.tuples(
    TEXTS,
    TEXTS,
    st.dictionaries(st.sampled_from(["rtt", "tls", ""]), PARTS, max_size=3),
    st.dictionaries(st.sampled_from(["rtt", "b", "c", "d"]), VALUES, max_size=4),
)
ROWS = st.builds(
    Row,
    started_us=st.integers(HOUR_US, HOUR_US + 3_599_999_999)
    | st.just(HOUR_US)
    | st.integers(-(1 << 62), 1 << 62),
    duration_us=st.integers(0, 10**15) | st.integers(0, 3),
    outcome=st.integers(0, 2),
    flags=st.integers(0, 0x7FFFFFFF) | st.integers(0, 3),
    body=BODIES.filter(any).map(pack) | st.none(),
)


def same(rows):
    """Rows with bodies that compare whatever the order of their readings."""
    return [(*row[:4], row.body and unpack(row.body)) for row in rows]


@given(st.lists(ROWS, min_size=1, max_size=30))
def test_rows_that_are_all_told_come_back_as_they_were(rows):
    rows = [row._replace(outcome=row.outcome or 1) for row in rows]
    rows.sort(key=lambda row: row.started_us)
    assert same(decode(encode(rows))) == same(rows)


@given(st.lists(ROWS, min_size=1, max_size=30))
def test_of_any_rows_all_numbers_come_back_and_no_word_is_invented(rows):
    rows.sort(key=lambda row: row.started_us)
    found = decode(encode(rows))
    assert [row[:4] for row in found] == [row[:4] for row in rows]
    assert [row[:4] for row in decode(encode(rows), bodies=False)] == [
        row[:4] for row in rows
    ]
    for was, kept in zip(rows, found, strict=True):
        before = unpack(was.body) if was.body else ["", "", {}, {}]
        after = unpack(kept.body) if kept.body else ["", "", {}, {}]
        assert after[0] in ("", before[0])
        assert after[1] in ("", before[1])
        assert after[2] == before[2]
        assert after[3].items() <= before[3].items()
        numbers = {k for k, v in before[3].items() if type(v) is float}
        assert numbers <= set(after[3])


@given(st.lists(ROWS, min_size=1, max_size=30))
def test_numbers_that_are_read_alone_are_those_of_the_bodies(rows):
    packed = encode(rows)
    for (row, phases, readings), whole in zip(
        decode_numbers(packed, ("b",)), decode(packed), strict=True
    ):
        told = msgspec.msgpack.decode(whole.body) if whole.body else ("", "", {}, {})
        assert row == whole._replace(body=None)
        assert phases == {k: v for k, v in told[2].items() if type(v) is float}
        count = told[3].get("b")
        small = type(count) is int and abs(count) < 1 << 60
        assert readings == ({"b": count} if small else {})


@given(st.lists(ROWS, min_size=1, max_size=20), st.lists(ROWS, max_size=20))
def test_what_was_left_out_once_stays_out_and_nothing_else_goes(rows, late):
    once = decode(encode(rows))
    assert same(decode(encode(once))) == same(once)
    merged = decode(encode([*once, *late]))
    key = [(row.started_us, row.duration_us) for row in merged]
    assert sorted(key) == sorted((r.started_us, r.duration_us) for r in rows + late)


def ok(n, readings, *, flags=0, outcome=0, detail=""):
    body = pack(("", detail, {}, readings))
    return Row(HOUR_US + n * 1_000_000, 5, outcome, flags, body)


def test_words_that_a_good_result_says_but_once_are_left_out():
    rows = [
        ok(0, {"rtts_ms": [1.5], "address": "192.0.2.1"}),
        ok(1, {"rtts_ms": [1.6], "address": "192.0.2.1"}),
        ok(2, {"rtts_ms": [1.7], "address": "192.0.2.2"}, flags=int(Flag.CHANGED)),
        ok(3, {"rtts_ms": [1.8], "address": "192.0.2.2"}),
        ok(4, {"rtts_ms": [1.9]}, outcome=1, detail="got 500"),
    ]
    kept = [unpack(row.body) for row in decode(encode(rows))]
    assert kept == [
        ["", "", {}, {"rtts_ms": [1.5], "address": "192.0.2.1"}],
        ["", "", {}, {"address": "192.0.2.1"}],
        ["", "", {}, {"rtts_ms": [1.7], "address": "192.0.2.2"}],
        ["", "", {}, {"address": "192.0.2.2"}],
        ["", "got 500", {}, {"rtts_ms": [1.9]}],
    ]


def test_times_are_kept_to_the_microsecond():
    (row,) = decode(encode([Row(1, 2, 0, 0, pack(("", "", {"rtt": 1.23456}, {})))]))
    assert unpack(row.body) == ["", "", {"rtt": 1.235}, {}]


@pytest.mark.parametrize("ms", [float("nan"), float("inf"), 1e300])
def test_a_phase_that_is_no_time_does_no_harm(ms):
    (row,) = decode(encode([Row(1, 2, 0, 0, pack(("", "", {"rtt": ms}, {})))]))
    assert repr(unpack(row.body)[2]["rtt"]) == repr(ms)


def test_an_hour_of_pings_costs_few_bytes_a_result():
    chance, rows = random.Random(1), []
    for n in range(60):
        took = round(chance.lognormvariate(10, 0.05))
        at = HOUR_US + n * 60_000_000 + round(chance.expovariate(1 / 2000))
        body = pack(("", "", {"rtt": took / 1000}, {"address": "192.0.2.1"}))
        rows.append(Row(at, took, 0, 0, body))
    assert len(encode(rows)) / 60 < 5


@given(st.binary(max_size=200))
def test_bytes_that_nobody_packed_are_refused(data):
    with pytest.raises(StorageError, match="damaged"):
        decode(b"\x02" + data)
    with suppress(StorageError):
        assert decode(b"\x01" + data)


@given(
    st.lists(ROWS, min_size=1, max_size=8), st.integers(0, 1 << 30), st.integers(0, 255)
)
def test_a_byte_that_was_overwritten_breaks_nothing_but_its_chunk(rows, at, byte):
    data = bytearray(encode(rows))
    data[at % len(data)] = byte
    with suppress(StorageError):
        assert decode(bytes(data))


def test_a_chunk_cut_short_is_refused():
    whole = encode([ok(n, {"a": n, "b": "x"}) for n in range(9)])
    for size in range(len(whole)):
        with pytest.raises(StorageError):
            decode(whole[:size])


def test_words_that_unfold_without_end_are_refused():
    from pangea.core import chunk_body, columns

    bomb = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=chunk_body._USUAL)
    short = bomb.compress(bytes(50_000_000)) + bomb.flush()
    head = encode([Row(1, 2, 0, 0, None)])[:9]
    size = columns.varint(100) + columns.varint(len(short))
    with pytest.raises(StorageError):
        decode(head + size + short)
