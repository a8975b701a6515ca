"""What is past its time is dropped in parts, and who reads is not held up for long."""

import time

from pangea.core.rollup import DAY, HOUR, TEN_MINUTES, Bucket
from pangea.storage import chunks, results, rollup_rows
from pangea.storage.chunks import Place
from pangea.storage.connection import connection
from pangea.storage.folded import SHARDS, put_folded
from pangea.storage.postgres_parts import BLOCK
from tests.storage.made import SECOND, T0, result

NOON = T0 // SECOND // DAY * DAY + DAY // 2


def parts(table):
    rows = connection().execute(
        "SELECT relname::text FROM pg_inherits JOIN pg_class ON oid = inhrelid"
        " WHERE inhparent = CAST(? AS text)::regclass ORDER BY 1",
        (table,),
    )
    return [name for (name,) in rows]


def lies_in(table):
    rows = connection().execute(
        f"SELECT DISTINCT tableoid::regclass::text FROM {table}"
    )
    return sorted(name for (name,) in rows)


def put_chunks(*starts):
    chunks.put([(Place(HOUR, start, 1, 1), 1, b"x") for start in starts])


async def test_chunks_go_by_whole_days(quick):
    await quick.write(lambda: put_chunks(NOON, NOON + DAY, NOON + 2 * DAY))
    assert len(await quick.read(lambda: parts("chunk"))) == 4
    after_noon = (NOON + DAY + 2 * HOUR) * SECOND
    assert await quick.write(lambda: chunks.expire(after_noon, 100)) == 1
    assert await quick.write(lambda: chunks.expire(after_noon, 100)) == 0
    left = await quick.read(lambda: list(chunks.starts(HOUR, 0, T0 * 2)))
    assert left == [NOON + 2 * DAY, NOON + DAY], "a day that is not over stays whole"


async def test_what_lies_outside_of_all_times_is_kept_apart_and_goes_too(quick):
    mad = 1 << 40
    await quick.write(lambda: put_chunks(-DAY, NOON, mad))
    assert await quick.read(lambda: lies_in("chunk")) == [
        f"chunk_{time.strftime('%Y%m%d', time.gmtime(NOON))}",
        "chunk_rest",
    ]
    await quick.write(lambda: chunks.expire(NOON * SECOND, 100))
    left = await quick.read(lambda: list(chunks.starts(HOUR, -(1 << 60), 1 << 62)))
    assert left == [mad, NOON]


async def test_rollups_go_by_their_step(quick):
    keys = [
        (step, start - start % step, 1, 1)
        for step in (TEN_MINUTES, HOUR, DAY)
        for start in (NOON, NOON - 100 * DAY, NOON - 2000 * DAY)
    ]
    await quick.write(lambda: rollup_rows.put({key: Bucket() for key in keys}))
    await quick.write(lambda: rollup_rows.put({key: Bucket() for key in keys}))
    assert (
        await quick.write(lambda: rollup_rows.expire(TEN_MINUTES, NOON - 60 * DAY)) == 2
    )
    assert await quick.write(lambda: rollup_rows.expire(HOUR, NOON - 300 * DAY)) == 1
    count = "SELECT step, count(*) FROM rollup GROUP BY step ORDER BY step"
    found = await quick.read(lambda: connection().execute(count).fetchall())
    assert found == [(TEN_MINUTES, 1), (HOUR, 2), (DAY, 3)]


async def test_results_lie_in_blocks_of_ids_and_go_when_all_of_a_block_is_past(quick):
    near = BLOCK - 50

    def begin():
        put_folded([near] * SHARDS)

    await quick.write(begin)
    made = [result(n) for n in range(200)]
    ids = await quick.write(lambda: results.append(made, T0))
    assert ids == range(near + 1, near + 201)
    later = T0 + 3600 * SECOND
    await quick.write(lambda: results.append(made[:5], later))
    assert await quick.read(lambda: parts("sheaf")) == ["sheaf_0", "sheaf_1"]
    await quick.write(lambda: put_folded([near + 205] * SHARDS))
    await quick.write(lambda: results.expire(later))
    page = await quick.read(lambda: results.query(1, limit=100))
    assert len(page.items) == 5
    await quick.write(lambda: put_folded([3 * BLOCK] * SHARDS))
    await quick.write(lambda: results.append(made[:1], later + 3600 * SECOND))
    await quick.write(lambda: put_folded([3 * BLOCK + 1] * SHARDS))
    await quick.write(lambda: results.expire(later + 3600 * SECOND))
    assert await quick.read(lambda: parts("sheaf")) == ["sheaf_3"]


async def test_a_reader_that_takes_long_delays_a_drop_and_is_not_disturbed(
    quick, postgres
):
    import psycopg

    await quick.write(lambda: put_chunks(NOON))
    with psycopg.connect(postgres) as other:
        other.execute("SELECT count(*) FROM chunk")
        began = time.monotonic()
        assert (
            await quick.write(lambda: chunks.expire((NOON + 9 * DAY) * SECOND, 9)) == 0
        )
        assert time.monotonic() - began < 20
    assert await quick.write(lambda: chunks.expire((NOON + 9 * DAY) * SECOND, 9)) == 1


async def test_a_part_whose_transaction_failed_is_made_again(quick):
    def fails():
        put_chunks(NOON)
        raise LookupError

    for _ in range(2):
        try:
            await quick.write(fails)
        except LookupError:
            continue
    await quick.write(lambda: put_chunks(NOON))
    await quick.write(lambda: put_chunks(NOON, NOON + DAY))
    assert len(await quick.read(lambda: lies_in("chunk"))) == 2


async def test_the_past_of_a_job_is_sought_in_indexes(quick):
    """However many parts there are, a query looks into those of its time alone."""
    await quick.write(lambda: put_chunks(*(NOON + n * DAY for n in range(20))))

    def plan(*starts):
        among = ", ".join("?" * len(starts))
        rows = connection().execute(
            f"EXPLAIN SELECT packed FROM chunk WHERE span = 3600 AND job = 1"
            f" AND start IN ({among}) ORDER BY start DESC",
            starts,
        )
        return "\n".join(line for (line,) in rows)

    told = await quick.read(lambda: plan(NOON))
    assert told.count(" on chunk_") == 1
    told = await quick.read(lambda: plan(NOON, NOON + DAY, NOON))
    assert told.count(" on chunk_") == 2
