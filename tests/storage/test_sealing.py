"""What is sealed answers as before, each result once, however sealing is cut short."""

import asyncio
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pangea.core.model import Outcome
from pangea.core.rollup import DAY, HOUR
from pangea.storage import chunks, history, results, sealing
from pangea.storage.chunks import SELDOM, Place
from pangea.storage.connection import WRITER, connect, connection, db
from pangea.storage.folded import SHARDS, put_folded
from pangea.storage.schema import migrate
from pangea.storage.sealed import sealed
from tests.storage.made import SECOND, T0, job, result, stored

HOUR_US = sealing.HOUR_US
#: The beginning of the hour of T0.
H0 = T0 // HOUR_US * HOUR_US
OFF_S = (T0 - H0) // SECOND
MUCH_LATER = H0 + 100 * HOUR_US


class CutShortError(Exception):
    """As ``kill -9``: from a moment on nothing happens any more."""


class Direct:
    """A store in one thread; after *left* writes it is gone."""

    def __init__(self, left=None):
        self.left = count() if left is None else iter(range(left))

    async def read(self, fn):
        return fn()

    async def write(self, fn):
        if next(self.left, None) is None:
            raise CutShortError
        with db.transaction("IMMEDIATE"):
            return fn()


def seal(left=None, now=MUCH_LATER):
    put_folded([results.last_id()] * SHARDS)
    try:
        return asyncio.run(sealing.seal(Direct(left), now))
    except CutShortError:
        return None


@pytest.fixture
def database(tmp_path_factory, monkeypatch):
    """A database in this thread; sealing takes the smallest steps there are."""
    for name, value in {"PASS_ROWS": 7, "PASSES": 1_000, "STEP_ROWS": 4}.items():
        monkeypatch.setattr(sealing, name, value)
    monkeypatch.setattr(sealing, "DROP_ROWS", 5)
    monkeypatch.setattr(sealing, "PAUSE_S", 0.0)
    monkeypatch.setattr(chunks, "ASKED", (1, 2))

    def fresh():
        if not db.deferred:
            db.close()
        connect(
            tmp_path_factory.mktemp("db") / "pangea.db",
            {**WRITER, "synchronous": "off"},
        )
        migrate(tmp_path_factory.mktemp("no") / "copy")

    yield fresh
    db.close()


#: Seconds within three hours, some of them at once, or worlds ago.
TIMES = st.integers(0, 10_800) | st.sampled_from([0, 3599, 3600, 7200, -(10**9)])
ARRIVED = st.lists(
    st.tuples(TIMES, st.sampled_from([1, 2, 70]), st.sampled_from([1, 2])),
    min_size=1,
    max_size=25,
)
DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("arrive"), st.integers(-30, 90), ARRIVED),
        st.tuples(st.just("seal"), st.none() | st.integers(0, 9), st.just([])),
    ),
    min_size=1,
    max_size=9,
)
FAILED = {
    "outcome": Outcome.FAILED,
    "reason": "status",
    "detail": "got 500",
    "phases": {"connect": 1.25},
    "readings": {"status": 500, "names": ["a", "b"], "ok": False, "x": 0.5},
}


def newest_first(every, since, until, worker):
    rows = [
        (r.started_at_us, r.worker, -turn, r)
        for turn, r in enumerate(every)
        if r.job == 1
        and worker in (None, r.worker)
        and since <= r.started_at_us < until
    ]
    return [row[-1] for row in sorted(rows, key=lambda row: row[:3], reverse=True)]


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    deeds=DEEDS,
    between=st.lists(st.none() | st.integers(0, 30), max_size=4),
    since=TIMES,
    until=TIMES,
    worker=st.sampled_from([None, 1]),
    limit=st.integers(1, 5),
)
def test_a_query_answers_the_same_whatever_is_sealed_before_and_meanwhile(
    database, deeds, between, since, until, worker, limit
):
    database()
    every, now = [], H0
    for deed, number, arrived in deeds:
        if deed == "seal":
            seal(number)
            continue
        now += number * 60 * SECOND
        rows = [
            result(at - OFF_S, job=j, worker=w, ms=n, **FAILED if n % 2 else {})
            for n, (at, j, w) in enumerate(arrived, len(every))
        ]
        results.append(rows, now)
        every += rows
    since, until = sorted((H0 + since * SECOND, H0 + until * SECOND + 1))
    wanted = newest_first(every, since, until, worker)

    found, cursor, steps = [], None, iter(between)
    while True:
        page = results.query(
            1, worker=worker, since_us=since, until_us=until, limit=limit, before=cursor
        )
        found += page.items
        cursor = page.next
        if cursor is None:
            break
        if (left := next(steps, "no")) != "no":
            seal(left)
    assert found == wanted

    of_rows = sorted(
        (r.started_at_us, round(r.duration_ms * 1000), r.outcome) for r in wanted
    )
    measured = results.measured(1, worker, since, until)
    assert of_rows == sorted(
        (row.started_us, row.duration_us, results.OUTCOMES[row.outcome])
        for row, _, _ in measured
    )
    recent = sorted((r.started_at_us, r.duration_ms) for r in results.since(since))
    assert recent == sorted(
        (r.started_at_us, r.duration_ms) for r in every if r.started_at_us >= since
    )
    # In the end all of it is in chunks, and the table is empty.
    seal()
    assert stored() == 0
    assert (
        results.query(
            1, worker=worker, since_us=since, until_us=until, limit=10_000
        ).items
        == wanted
    )


def test_an_hour_waits_until_it_is_over_and_folded(database):
    database()
    results.append([result(i) for i in range(10)], H0)
    asyncio.run(sealing.seal(Direct(), MUCH_LATER))
    assert (stored(), sealed().upto) == (10, 0)
    assert seal(now=H0 + HOUR_US + sealing.SETTLE_US - 1) == 0
    assert seal(now=H0 + HOUR_US + sealing.SETTLE_US) == 1
    assert (stored(), sealed().upto) == (0, 10)
    assert results.append([result()], H0) == range(11, 12)


def test_what_arrived_by_a_clock_far_ahead_is_sealed_at_once(database):
    database()
    results.append([result(i) for i in range(9)], MUCH_LATER)
    assert seal(now=H0) == 1


def places():
    return [
        Place(*row)
        for row in connection().execute("SELECT span, start, job, worker FROM chunk")
    ]


def test_few_results_an_hour_share_the_chunk_of_a_day(database):
    database()
    day = T0 // SECOND // DAY * DAY
    for n in range(5):
        results.append([result(n * 3600)], H0 + n * HOUR_US)
        seal(now=H0 + n * HOUR_US + 2 * HOUR_US)
    results.append([result(n, worker=2) for n in range(SELDOM + 1)], MUCH_LATER)
    seal(now=H0)
    hour = T0 // SECOND // HOUR * HOUR
    assert sorted(places()) == [Place(HOUR, hour, 1, 2), Place(DAY, day, 1, 1)]


def test_a_late_result_joins_the_hour_that_is_sealed(database):
    database()
    rows = [result(n * 60) for n in range(20)]
    results.append(rows, H0)
    seal()
    late = result(90, ms=7.0)
    results.append([late], H0 + 50 * HOUR_US)
    seal()
    assert len(places()) == 1
    found = results.query(1, limit=100).items[::-1]
    assert found == sorted([*rows, late], key=lambda r: r.started_at_us)


def test_a_damaged_chunk_holds_up_nothing(database, caplog):
    database()
    results.append([result(n) for n in range(9)], H0)
    seal()
    with db.transaction():
        connection().execute("UPDATE chunk SET packed = x'01ff'")
    results.append([result(n) for n in range(9, 18)], H0)
    seal()
    assert len(results.query(1, limit=100).items) == 9
    assert "is lost: a stored chunk is damaged" in caplog.text


def test_chunks_expire_by_the_hour_and_history_knows(database):
    database()
    for hour in range(3):
        results.append([result(hour * 3600 + n) for n in range(9)], H0 + hour * HOUR_US)
    seal()
    with db.transaction():
        assert results.expire(H0 + HOUR_US) == 1
        assert results.expire(H0 + HOUR_US) == 0
    assert len(results.query(1, limit=100).items) == 18
    assert not results.reaches(H0 + HOUR_US - 1)
    assert results.reaches(H0 + HOUR_US)
    assert results.newest_arrival() == H0 + 3 * HOUR_US


def test_points_of_raw_results_are_the_same_when_sealed(database):
    database()
    rows = [
        result(n * 30, ms=n % 7, **FAILED if n % 9 == 0 else {}) for n in range(240)
    ]
    results.append(rows, H0)
    asked = (job(), T0, T0 + 7200 * SECOND, 50)
    before = history.history(*asked)
    seal()
    assert stored() == 0
    assert history.history(*asked) == before
