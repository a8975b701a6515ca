"""How large the database will be, from what it stores a day now."""

import math

from msgspec import Struct

from pangea.core.retention_table import RetentionTable
from pangea.core.rollup import DAY, HOUR, STEPS

from .arrivals import MINUTE_US
from .connection import connection

#: What is kept for ever is counted for so long.
FOR_EVER_S = 10 * 365 * DAY
#: Looked at of each kind, the newest.
_SAMPLE = 500
#: What a row costs beside its bytes: keys, header, index, and room on its page.
_CHUNK_BYTES, _SHEAF_BYTES, _SUM_BYTES = 70, 60, 60
_HOT_S = 5400
_NEWEST = "SELECT packed, count FROM chunk WHERE span = ? ORDER BY start DESC LIMIT ?"


class Forecast(Struct, frozen=True):
    """Bytes that a day adds, and bytes of the file once the oldest goes."""

    bytes_per_day: int
    forecast_bytes: int


def forecast(kept: RetentionTable, file_bytes: int) -> Forecast:
    """Return what becomes of a file of so many bytes if all goes on as now."""
    per_day, hot = _results_a_day(), _bytes_of_a_row()
    sealed = _bytes_of_a_result() or hot
    parts: list[tuple[float, float]] = [(per_day * sealed, kept.raw)]
    ages = [kept.minutes, kept.ten_minutes, kept.hours, kept.days_s]
    for step, age in zip(sorted(STEPS), ages, strict=True):
        parts.append((_sums_a_day(step), FOR_EVER_S if math.isinf(age) else age))
    whole = sum(a_day * age / DAY for a_day, age in parts)
    whole += per_day * hot * _HOT_S / DAY
    return Forecast(
        bytes_per_day=round(sum(a_day for a_day, _ in parts)),
        # Jobs and logs do not go, nor what a file that cannot shrink has.
        forecast_bytes=max(round(whole), file_bytes),
    )


def _results_a_day() -> float:
    """Return how many results come in a day, from the stretches not yet sealed."""
    rows = connection().execute(
        "SELECT sum(last_id - first_id + 1), (max(arrived) - min(arrived) + 1) * ?"
        " FROM (SELECT * FROM minute ORDER BY first_id DESC LIMIT 120) AS newest",
        (MINUTE_US / 1e6,),
    )
    count, seconds = rows.fetchone()
    return float(count) / float(seconds) * DAY if count else 0.0


def _bytes_of_a_row() -> float:
    return _number(
        "SELECT 1.0 * sum(length(jobs) + length(heads) + coalesce(length(bodies), 0)"
        f" + {_SHEAF_BYTES}) / sum(last_id - first_id + 1) FROM"
        " (SELECT * FROM sheaf ORDER BY first_id DESC LIMIT ?) AS newest"
    )


def _bytes_of_a_result() -> float:
    return _number(
        f"SELECT 1.0 * sum(length(packed) + {_CHUNK_BYTES}) / sum(count) FROM (SELECT"
        f" * FROM ({_NEWEST}) AS hours UNION ALL SELECT * FROM ({_NEWEST}) AS days)"
        " AS newest",
        HOUR,
        _SAMPLE,
        DAY,
    )


def _sums_a_day(step: int) -> float:
    """Return the bytes that sums of a step add a day, by the last whole stretch."""
    rows = connection().execute(
        f"SELECT sum(length(histogram) + {_SUM_BYTES}) FROM rollup WHERE step = ?"
        " AND start = (SELECT max(start) - ? FROM rollup WHERE step = ?)",
        (step, step, step),
    )
    return float(rows.fetchone()[0] or 0) * DAY / step


def _number(sql: str, *values: int) -> float:
    return float(connection().execute(sql, (*values, _SAMPLE)).fetchone()[0] or 0.0)
