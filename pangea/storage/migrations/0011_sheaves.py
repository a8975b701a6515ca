"""Results in sheaves instead of rows; loss and phases in sums; sums of whole days.

A row that is deleted costs as much writing as one that comes, because each page of
it is written once more. A sheaf has pages of its own, and they are only let go.
"""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from pangea.core.histogram import Histogram
from pangea.core.sheaf import MOST_ROWS, pack
from pangea.storage.connection import connection

STATEMENTS = (
    """CREATE TABLE sheaf (
        first_id INTEGER PRIMARY KEY,
        last_id INTEGER NOT NULL,
        first_job INTEGER NOT NULL,
        last_job INTEGER NOT NULL,
        jobs BLOB NOT NULL,
        heads BLOB NOT NULL,
        bodies BLOB)""",
    "ALTER TABLE rollup ADD COLUMN beside BLOB",
    """CREATE TABLE day_total (
        start INTEGER NOT NULL,
        job INTEGER NOT NULL,
        ok INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        error INTEGER NOT NULL,
        warn INTEGER NOT NULL,
        sum_us INTEGER NOT NULL,
        min_us INTEGER NOT NULL,
        max_us INTEGER NOT NULL,
        histogram BLOB NOT NULL,
        beside BLOB,
        PRIMARY KEY (start, job)) WITHOUT ROWID""",
)
_DAY = 86400


def up(migrator: Any, db: Any) -> None:
    """Pack what is there, sum up the days, and drop the table of rows."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
    connection().executemany(
        "INSERT INTO sheaf (first_id, last_id, first_job, last_job, jobs, heads,"
        " bodies) VALUES (?, ?, ?, ?, ?, ?, ?)",
        _sheaves(),
    )
    connection().executemany(
        "INSERT INTO day_total (start, job, ok, failed, error, warn, sum_us, min_us,"
        " max_us, histogram) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        _days(),
    )
    db.execute_sql("DROP TABLE result")


def _sheaves() -> Iterator[tuple[Any, ...]]:
    """Yield sheaves of rows with ids one after the other.

    Within one they change their ids, to lie in the order of jobs; so it ends where
    something is said of all ids up to there.
    """
    ends, held = _ends(), list[tuple[Any, ...]]()
    rows = connection().execute(
        "SELECT id, job, worker, started_us, duration_us, outcome, flags, body"
        " FROM result ORDER BY id"
    )
    for row in rows:
        gone = held and (row[0] != held[-1][0] + 1 or held[-1][0] in ends)
        if gone or len(held) == MOST_ROWS:
            yield _sheaf(held)
            held = []
        held.append(row)
    if held:
        yield _sheaf(held)


def _ends() -> set[int]:
    """Return the ids up to which something is folded or sealed, or came in a minute."""
    link = connection()
    found = {last for (last,) in link.execute("SELECT last_id FROM minute")}
    told = link.execute(
        "SELECT value FROM setting WHERE key = 'folded_to' OR key = 'sealed'"
    )
    for (text,) in told:
        found.update(map(int, text.split(",")))
    return found


def _sheaf(rows: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    packed = sorted((row[1:] for row in rows), key=itemgetter(0))
    ids, jobs = (rows[0][0], rows[-1][0]), (packed[0][0], packed[-1][0])
    return (*ids, *jobs, *pack(packed))


def _days() -> Iterator[tuple[Any, ...]]:
    """Yield the sums of each day and job over its workers."""
    rows = connection().execute(
        "SELECT start, job, ok, failed, error, warn, sum_us, min_us, max_us, histogram"
        " FROM rollup WHERE step = ? ORDER BY start, job",
        (_DAY,),
    )
    for key, some in groupby(rows, itemgetter(0, 1)):
        whole, sums, timed = Histogram(), [0] * 5, []
        for row in some:
            sums = [a + b for a, b in zip(sums, row[2:7], strict=True)]
            mine = Histogram.unpack(row[9])
            whole.merge(mine)
            if mine.counts:
                timed.append((row[7], row[8]))
        low = min((least for least, _ in timed), default=0)
        high = max((most for _, most in timed), default=0)
        yield (*key, *sums, low, high, whole.pack())
