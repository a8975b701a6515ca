"""Raw results are found again, late ones too, and expire in steps."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pangea.core.chunk import Row, encode
from pangea.core.errors import ProtocolError, UsageError
from pangea.core.model import Outcome
from pangea.core.rollup import HOUR
from pangea.storage import arrivals, chunks, results, sheaves
from pangea.storage.chunks import Place
from pangea.storage.connection import connection
from pangea.storage.folded import SHARDS, put_folded
from tests.storage.made import SECOND, T0, result, stored

FULL = {
    "reason": "status",
    "detail": "got 500, wanted 200",
    "phases": {"connect": 1.25, "tls": 3.5},
    "readings": {"status": 500, "names": ["a", "b"]},
    "flags": 5,
}


async def test_a_result_comes_back_as_it_was(store):
    one = result(1, outcome=Outcome.FAILED, ms=12.345, **FULL)
    two = result(2, ms=0.001)
    ids = await store.write(lambda: results.append([one, two], T0))
    page = await store.read(lambda: results.query(1))
    assert (ids, page.items, page.next) == (range(1, 3), [two, one], None)


@pytest.mark.parametrize("ms", [float("nan"), -5.0, float("inf"), 1e300])
async def test_a_duration_that_is_none_is_stored_as_a_number(store, ms):
    await store.write(lambda: results.append([result(ms=ms)], T0))
    page = await store.read(lambda: results.query(1))
    assert 0 <= page.items[0].duration_ms <= 1e12


@pytest.mark.parametrize(
    "wrong",
    [{"job": 1 << 63}, {"worker": -(1 << 70)}, {"readings": {"count": 1 << 64}}],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_a_number_that_cannot_be_stored_is_refused_with_its_group(store, wrong):
    rows = [result(1), result(2, **wrong), result(3)]
    with pytest.raises(ProtocolError, match="too large"):
        await store.write(lambda: results.append(rows, T0))
    assert await store.read(stored) == 0
    assert await store.write(lambda: results.append(rows[:1], T0)) == range(1, 2)


BATCHES = st.lists(
    st.tuples(
        st.integers(-200, 200),  # seconds until it arrived, also backwards
        st.lists(
            st.tuples(
                st.integers(0, 900), st.sampled_from([1, 2]), st.sampled_from([1, 2])
            ),
            min_size=1,
            max_size=6,
        ),
    ),
    max_size=12,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    batches=BATCHES,
    since=st.integers(0, 900) | st.none(),
    until=st.integers(0, 900) | st.none(),
    worker=st.sampled_from([None, 1]),
    limit=st.integers(1, 5),
)
def test_pages_hold_what_a_look_at_every_row_finds(
    tmp_path_factory, batches, since, until, worker, limit
):
    # Straight to the functions, in one thread: an event loop adds nothing here.
    from pangea.storage.connection import WRITER, connect, db
    from pangea.storage.schema import migrate

    path = tmp_path_factory.mktemp("db") / "pangea.db"
    connect(path, {**WRITER, "synchronous": "off"})
    try:
        migrate(path)
        now, every = T0, []
        for waited, rows in batches:
            now += waited * SECOND
            made = [result(at, job=j, worker=w) for at, j, w in rows]
            every += zip(results.append(made, now), made, strict=True)
        wanted = [
            (r.started_at_us, r.worker, rowid, r)
            for rowid, r in every
            if r.job == 1
            and worker in (None, r.worker)
            and (since is None or r.started_at_us >= T0 + since * SECOND)
            and (until is None or r.started_at_us < T0 + until * SECOND)
        ]
        wanted.sort(key=lambda w: w[:3], reverse=True)
        found, cursor = [], None
        while True:
            page = results.query(
                1,
                worker=worker,
                since_us=None if since is None else T0 + since * SECOND,
                until_us=None if until is None else T0 + until * SECOND,
                limit=limit,
                before=cursor,
            )
            assert len(page.items) <= limit
            found += page.items
            cursor = page.next
            if cursor is None:
                break
        assert found == [r for *_, r in wanted]
    finally:
        db.close()


@pytest.mark.parametrize("cursor", ["", "x", "1", "1.x", "9" * 30 + ".1"])
async def test_a_cursor_that_is_none_is_refused(store, cursor):
    with pytest.raises(UsageError):
        await store.read(lambda: results.query(1, before=cursor))


class Counting:
    """A connection that counts what it is asked."""

    def __init__(self):
        self.asked = 0

    def __call__(self):
        return self

    def execute(self, *given):
        self.asked += 1
        return connection().execute(*given)

    def find_each(self, sql, keys):
        self.asked += 1
        return connection().find_each(sql, keys)


async def test_a_long_look_at_sealed_hours_asks_few_questions(store, monkeypatch):
    hour, hours = T0 // SECOND // HOUR * HOUR, 24 * 30
    begins = [hour - n * HOUR for n in range(hours)]
    # And one by a clock that was worlds behind: nobody goes there hour by hour.
    begins.append(hour - 10**6 * HOUR)
    packed = []
    for begin in begins:
        rows = [Row(begin * SECOND + n, 9, 0, 0, None) for n in range(2)]
        packed += [(Place(HOUR, begin, 1, by), 2, encode(rows)) for by in (1, 2)]
    await store.write(lambda: chunks.put(packed))
    counting = Counting()
    monkeypatch.setattr(chunks, "connection", counting)

    async def asks(fn):
        before = counting.asked
        found = await store.read(fn)
        return found, counting.asked - before

    page, asked = await asks(lambda: results.query(1, limit=10))
    assert [r.started_at_us // SECOND for r in page.items] == [
        hour - n * HOUR for n in (0, 0, 0, 0, 1, 1, 1, 1, 2, 2)
    ]
    assert asked <= 4
    every, asked = await asks(lambda: results.query(1, limit=10_000).items)
    assert len(every) == 4 * len(begins)
    assert asked <= 24
    since = (hour - hours * HOUR) * SECOND
    measured, asked = await asks(
        lambda: list(results.measured(1, 2, since, hour * SECOND))
    )
    assert len(measured) == 2 * (hours - 1)
    assert asked <= 20
    effort, asked = await asks(lambda: results.effort(1, since, T0))
    assert effort == 4 * hours * results._OPENING
    assert asked <= 6


async def test_a_look_at_hours_that_are_not_sealed_asks_few_questions(
    store, monkeypatch
):
    minutes = 120
    for at_s in range(0, minutes * 60, 20):
        rows = [result(at_s, job=job) for job in (1, 2, 3)]
        now = T0 + at_s * SECOND
        await store.write(lambda rows=rows, now=now: results.append(rows, now))
    counting = Counting()
    for module in (sheaves, arrivals):
        monkeypatch.setattr(module, "connection", counting)
    page = await store.read(lambda: results.query(1, limit=20))
    assert [r.started_at_us for r in page.items] == [
        T0 + (minutes * 60 - n * 20) * SECOND for n in range(1, 21)
    ]
    assert counting.asked <= 10
    counting.asked = 0
    end = T0 + minutes * 60 * SECOND
    measured = await store.read(lambda: list(results.measured(1, 1, T0, end)))
    assert len(measured) == 3 * minutes
    assert counting.asked <= 25


async def test_old_rows_expire_in_steps_and_only_once_folded(store, engine):
    for minute in range(3):
        rows = [result(minute * 60 + i) for i in range(10)]
        now = T0 + minute * 60 * SECOND
        await store.write(lambda rows=rows, now=now: results.append(rows, now))
    end = T0 + 120 * SECOND
    assert await store.write(lambda: results.expire(end)) == 0
    await store.write(lambda: put_folded([30] * SHARDS))
    assert await store.write(lambda: results.expire(end, at_most=7)) == 7
    assert await store.write(lambda: results.expire(end, at_most=7)) == 7
    assert await store.read(lambda: results.query(1, limit=100).items) == [
        result(at) for at in (*range(129, 119, -1), *range(69, 63, -1))
    ]
    assert await store.write(lambda: results.expire(end)) == 6
    assert await store.write(lambda: results.expire(end)) == 0
    if engine == "sqlite":  # elsewhere the block goes as a whole
        assert await store.read(stored) == 10


async def test_row_ids_go_on_after_all_rows_have_expired(store, engine):
    await store.write(lambda: results.append([result(i) for i in range(5)], T0))
    await store.write(lambda: put_folded([5] * SHARDS))
    await store.write(lambda: results.expire(T0 + 10**12))
    if engine == "sqlite":
        assert await store.read(stored) == 0
    ids = await store.write(lambda: results.append([result()], T0))
    assert ids == range(6, 7)


async def test_a_warm_start_reads_what_is_recent_in_the_order_of_arrival(store):
    rows = [result(at, **FULL) for at in (500, 10, 700, 600)]
    await store.write(lambda: results.append(rows, T0))
    found = await store.read(lambda: results.since(T0 + 400 * SECOND))
    assert found == [result(at, flags=5) for at in (500, 700, 600)]
    newest = await store.read(lambda: results.since(T0, at_most=2))
    assert newest == [result(at, flags=5) for at in (700, 600)]
