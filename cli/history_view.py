"""A history as text: its chart, and what it adds up to."""

import math
import statistics
from typing import Any

from pangea.core.chart import ascii_chart
from pangea.core.durations import format_duration

from .noted import marked
from .output import ago, milliseconds, pairs
from .table import Style
from .uptime import share, time_rows

HEIGHT = 8
#: What stands at both ends of a chart.
Ends = tuple[str, str]


def _is_measured(answer: dict[str, Any]) -> bool:
    points = answer["points"]
    return any(point["ok"] + point["failed"] + point["error"] for point in points)


def chart_of(
    style: Style,
    answer: dict[str, Any],
    width: int,
    ends: Ends,
    notes: list[dict[str, Any]],
) -> list[str]:
    """Return the chart of a history, *width* columns wide, with marks for notes."""
    if not _is_measured(answer):
        return [f"nothing was measured from {ends[0]} to {ends[1]}"]
    points = answer["points"]
    chart = ascii_chart(
        [_value(point) for point in points],
        width=min(width, len(points)),
        height=HEIGHT,
        start_label=ends[0],
        end_label=ends[1],
    )
    drawn = [*chart, *marked(chart, notes, points, answer["step_s"])]
    return [*map(style.plain, drawn), ""]


def numbers_of(
    style: Style, answer: dict[str, Any], spent: dict[str, Any], figures: dict[str, Any]
) -> list[str]:
    """Return the numbers of a history, the time that was *spent* how, its *figures*."""
    if not _is_measured(answer):
        return []
    return pairs(style, _numbers(answer, spent, figures))


def _value(point: dict[str, Any]) -> float | None:
    """Return what the chart draws of a step: p95, a failure, or nothing."""
    if point["failed"]:
        return None
    p95 = point["p95_ms"]
    return math.nan if p95 is None else float(p95)


def _of_all(key: str, figures: dict[str, Any], steps: str) -> str:
    """Return a percentile of the whole stretch, and what it is of its *steps*."""
    if figures.get(key) is None:
        return steps
    return f"{milliseconds(figures[key])}, {steps}"


def _worst(values: list[float]) -> str:
    return f"{milliseconds(max(values, default=None))} (worst step)"


def _numbers(
    answer: dict[str, Any], spent: dict[str, Any], figures: dict[str, Any]
) -> list[tuple[str, Any]]:
    points = answer["points"]
    counts = {
        key: sum(point[key] for point in points)
        for key in ("ok", "failed", "error", "missing")
    }

    def known(key: str) -> list[float]:
        return [point[key] for point in points if point[key] is not None]

    rows: list[tuple[str, Any]] = [
        ("uptime", share(answer["uptime"])),
        *time_rows(spent),
        ("measured", f"{share(answer['coverage'])} of the time{_since(answer)}"),
        ("runs", ", ".join(f"{n} {key}" for key, n in counts.items() if n)),
        ("step", format_duration(answer["step_s"])),
    ]
    if known("p50_ms"):
        median = statistics.median(known("p50_ms"))
        rows += [
            ("fastest", milliseconds(min(known("min_ms"), default=None))),
            (
                "p50",
                _of_all("p50_ms", figures, f"{milliseconds(median)} (median step)"),
            ),
            ("p95", _of_all("p95_ms", figures, _worst(known("p95_ms")))),
            ("p99", _of_all("p99_ms", figures, _worst(known("p99_ms")))),
            ("slowest", milliseconds(max(known("max_ms"), default=None))),
        ]
    return rows + _beside(points)


def _beside(points: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    """Return the loss of packets and the means of the phases, as far as known."""
    lost = _mean([(p.get("loss_pct"), p["ok"] + p["failed"]) for p in points])
    rows: list[tuple[str, Any]] = []
    if lost is not None:
        rows.append(("loss", f"{lost:.2f} %"))
    phases = [(point.get("phases_ms") or {}, point["ok"]) for point in points]
    names = dict.fromkeys(name for means, _ in phases for name in means)
    means = {name: _mean([(m.get(name), ok) for m, ok in phases]) for name in names}
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
