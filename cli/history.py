"""`pangea history`: a job's past as a chart of characters, with its numbers."""

import math
import shutil
import statistics
from typing import Any

import click

from pangea.core.chart import ascii_chart
from pangea.core.durations import format_duration, parse_duration
from pangea.core.errors import UsageError

from .client import path_of
from .group import Command
from .noted import marked, notes_about
from .output import ago, milliseconds, pairs, show_one
from .session import Session
from .table import Style
from .uptime import time_rows, uptime_of

HEIGHT = 8
SCALE = 14
WIDEST = 200


@click.command("history", cls=Command)
@click.argument("name")
@click.option("--range", "range_", default="24h", metavar="24h", help="How far back.")
@click.option("--on", metavar="WORKER", help="Of this worker alone.")
@click.option("--points", type=click.IntRange(1, 2000), help="In so many steps.")
@click.pass_obj
def command(
    session: Session, name: str, range_: str, on: str | None, points: int | None
) -> None:
    """Draw the past of the job NAME: the chart, percentiles and uptime."""
    seconds = parse_duration(range_)
    if seconds < 1:
        raise UsageError("--range: wanted at least 1s")
    width = min(max(shutil.get_terminal_size().columns - SCALE, 10), WIDEST)
    drawn = session.form in ("table", "wide")
    answer = session.client().get(
        path_of("jobs", name, "history"),
        range=f"{float(seconds):f}",
        points=points or (width if drawn else None),
        worker=on,
    )
    client = session.client()
    spent = {} if on or not drawn else uptime_of(client, name, seconds)
    notes = notes_about(client, name, seconds) if drawn else []
    show_one(
        session,
        answer,
        lambda style: _picture(style, answer, width, range_, spent, notes),
        name=name,
    )


def _picture(
    style: Style,
    answer: dict[str, Any],
    width: int,
    range_: str,
    spent: dict[str, Any],
    notes: list[dict[str, Any]],
) -> list[str]:
    points = answer["points"]
    if not any(point["ok"] + point["failed"] + point["error"] for point in points):
        return [f"nothing was measured in the last {range_}"]
    chart = ascii_chart(
        [_value(point) for point in points],
        width=min(width, len(points)),
        height=HEIGHT,
        start_label=f"{range_} ago",
        end_label="now",
    )
    drawn = [*chart, *marked(chart, notes, points, answer["step_s"])]
    return [*map(style.plain, drawn), "", *pairs(style, _numbers(answer, spent))]


def _value(point: dict[str, Any]) -> float | None:
    """Return what the chart draws of a step: p95, a failure, or nothing."""
    if point["failed"]:
        return None
    p95 = point["p95_ms"]
    return math.nan if p95 is None else float(p95)


def _numbers(answer: dict[str, Any], spent: dict[str, Any]) -> list[tuple[str, Any]]:
    points = answer["points"]
    counts = {
        key: sum(point[key] for point in points)
        for key in ("ok", "failed", "error", "missing")
    }

    def known(key: str) -> list[float]:
        return [point[key] for point in points if point[key] is not None]

    rows: list[tuple[str, Any]] = [
        ("uptime", _share(answer["uptime"])),
        *time_rows(spent),
        ("measured", f"{_share(answer['coverage'])} of the time{_since(answer)}"),
        ("runs", ", ".join(f"{n} {key}" for key, n in counts.items() if n)),
        ("step", format_duration(answer["step_s"])),
    ]
    if known("p50_ms"):
        median = statistics.median(known("p50_ms"))
        rows += [
            ("fastest", milliseconds(min(known("min_ms"), default=None))),
            ("p50", f"{milliseconds(median)} (median step)"),
            ("p95", f"{milliseconds(max(known('p95_ms'), default=None))} (worst step)"),
            ("p99", f"{milliseconds(max(known('p99_ms'), default=None))} (worst step)"),
            ("slowest", milliseconds(max(known("max_ms"), default=None))),
        ]
    return rows + _beside(points)


def _beside(points: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    """Return the loss of packets and the means of the phases, as far as known."""
    lost = _mean([(p["loss_pct"], p["ok"] + p["failed"]) for p in points])
    rows: list[tuple[str, Any]] = []
    if lost is not None:
        rows.append(("loss", f"{lost:.2f} %"))
    names = dict.fromkeys(name for point in points for name in point["phases_ms"])
    means = {
        name: _mean([(point["phases_ms"].get(name), point["ok"]) for point in points])
        for name in names
    }
    if means:
        told = (f"{name} {milliseconds(mean)}" for name, mean in means.items())
        rows.append(("phases", ", ".join(told)))
    return rows


def _mean(weighed: list[tuple[float | None, int]]) -> float | None:
    """Return the mean of the values that are known, None if none is."""
    known = [(value, weight) for value, weight in weighed if value is not None]
    whole = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / whole if whole else None


def _since(answer: dict[str, Any]) -> str:
    """Return from when on it counts, if the job is younger than the range."""
    added = answer.get("added_at")
    return f" since it was added, {ago(added)}" if added else ""


def _share(value: float | None) -> str:
    """Return a share as percent that never rounds up to a perfect 100."""
    if value is None:
        return "-"
    return f"{math.floor(value * 100_000) / 1000:.3f} %"
