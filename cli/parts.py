"""The past of a job by worker or region: for `history`."""

import math
from typing import Any

from pangea.core.chart import sparkline
from pangea.core.text import safe_text

from .client import Client, path_of
from .output import Column, milliseconds, show_one
from .session import Session
from .table import Style
from .top import LOSSES, RUNS

#: Steps of the trend beside each.
TREND = 24


def _ms(name: str) -> Column:
    return Column(name, lambda part: milliseconds(part.get(f"{name}_ms")))


def columns_of(by: str) -> list[Column]:
    """Return the columns of a list by worker, or by region."""
    region = [Column("region", lambda part: part.get("region") or "-")]
    return [
        Column(by, lambda part: part.get("name", "")),
        *(region if by == "worker" else []),
        RUNS,
        *LOSSES,
        *map(_ms, ("p50", "p95", "p99", "max")),
        Column("p95 trend", trend),
    ]


def trend(part: dict[str, Any]) -> str:
    """Return the percentile step by step; what failed, and what was not measured."""
    return sparkline([_value(point) for point in part.get("points", ())])


def _value(point: dict[str, Any]) -> float | None:
    if point["p95_ms"] is not None:
        return float(point["p95_ms"])
    return None if point["failed"] else math.nan


def show_parts(
    session: Session, client: Client, name: str, asked: dict[str, Any], by: str
) -> None:
    """Print the figures of each worker or region, and of all."""
    drawn = session.form in ("table", "wide")
    answer = client.get(
        path_of("jobs", name, "percentiles"),
        **asked,
        by=by,
        points=TREND if drawn else None,
    )
    show_one(session, answer, lambda style: _lines(style, answer, by), name=name)
    if drawn and not answer["items"]:
        session.note("nothing was measured in that time")


def _lines(style: Style, answer: dict[str, Any], by: str) -> list[str]:
    columns, parts = columns_of(by), list(answer["items"])
    if not parts:
        return []
    if len(parts) > 1:
        parts.append({**answer["all"], "name": "all together"})
    rows = [[safe_text(column.cell(part), 63) for column in columns] for part in parts]
    return style.table([column.title for column in columns], rows)
