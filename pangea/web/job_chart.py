"""The chart of a job as finished view data: smoke, loss, phases, table and characters.

Everything is drawn from one answer of history, so that all of it says the same.
"""

import math
from collections.abc import Sequence

from msgspec import Struct

from pangea.core.chart import ascii_chart
from pangea.core.chart_axis import Tick, ceiling, moment_label, time_ticks, value_ticks
from pangea.core.chart_path import (
    Frame,
    Value,
    band,
    blocks,
    classed,
    frame,
    is_known,
    line,
)
from pangea.core.durations import format_duration

from .job_points import (
    LOSSES,
    PointRow,
    has_runs,
    loss_class,
    loss_of,
    loss_words,
    point_row,
    seconds,
    spoken,
)
from .job_range import Range, written
from .schema import HistoryAnswer, PointAnswer
from .text import t
from .view import SparkPart, parts_of
from .words import ms

#: The text chart for a wide page, a narrower one and a telephone, in characters.
PLOTS = (("wide", 144), ("middle", 72), ("slim", 28))
ROWS = 10
#: What is more than so many times what nearly all stay below is cut off.
SPIKE, NEARLY_ALL = 3.0, 0.98
#: The bands of the smoke, from outside in: what lies between, and their class.
SMOKE = (
    ("min_ms", "max_ms", "smoke-1"),
    ("min_ms", "p99_ms", "smoke-2"),
    ("min_ms", "p95_ms", "smoke-3"),
)


class Curve(Struct, frozen=True):
    """A path, and the class of its looks."""

    css: str
    d: str


class Mark(Struct, frozen=True):
    """A label beside a plot: how far along its axis, in percent."""

    at: str
    label: str


class Graph(Struct, frozen=True):
    """A plot with its axes."""

    curves: list[Curve]
    x: list[Mark]
    y: list[Mark]
    label: str


class TextPlot(Struct, frozen=True):
    """The chart of characters for one width of page."""

    css: str
    parts: list[SparkPart]


class ChartView(Struct, frozen=True):
    """All that is drawn of a stretch; ``measured`` is whether there is anything."""

    measured: bool
    latency: Graph
    loss: Graph
    rows: list[PointRow]
    plots: list[TextPlot]
    step: str
    cut: str
    legend: list[Curve]
    begin_s: float
    end_s: float


def chart_view(history: HistoryAnswer, shown: Range) -> ChartView:
    """Return the charts of *history* over the stretch that is *shown*."""
    points = history.points
    top, cut = top_of(points)
    at = frame_of(history, shown, top)
    lost = [loss_of(point) for point in points]
    said = spoken(history)
    return ChartView(
        measured=any(has_runs(point) for point in points),
        latency=Graph(
            [*_holes(points, at), *_smoke(points, at), *_median(points, lost, at)],
            x_marks(shown),
            y_marks(top) if any(is_known(p.p50_ms) for p in points) else [],
            said,
        ),
        loss=Graph(_loss(lost, at), [], [], loss_words(points)),
        rows=[point_row(point, history.step_s) for point in points if has_runs(point)],
        plots=[TextPlot(css, _text_plot(history, wide, shown)) for css, wide in PLOTS],
        step=format_duration(history.step_s),
        cut=t("job.cut", top=ms(cut)) if cut else "",
        legend=[Curve(css, t(f"job.{css}")) for css in _legend(lost)],
        begin_s=shown.begin_s,
        end_s=shown.end_s,
    )


def frame_of(history: HistoryAnswer, shown: Range, top: float) -> Frame:
    """Return where the steps of *history* stand in a plot up to *top*."""
    starts = [seconds(point.at) for point in history.points]
    return frame(shown.begin_s, shown.end_s, starts, history.step_s, top)


def top_of(points: Sequence[PointAnswer]) -> tuple[float, float]:
    """Return the value at the top of a plot, and the largest one if that is cut off."""
    known = sorted(p.p99_ms for p in points if p.p99_ms is not None)
    if not known:
        return 1.0, 0.0
    usual = known[int((len(known) - 1) * NEARLY_ALL)]
    largest = max((p.max_ms for p in points if p.max_ms is not None), default=0.0)
    if known[-1] > usual * SPIKE:
        return ceiling(usual * 1.3), largest
    top = ceiling(known[-1] * 1.02)
    return top, largest if largest > top * SPIKE else 0.0


def x_marks(shown: Range, most: int = 8) -> list[Mark]:
    """Return the marks of the time axis; those at its very ends are left out."""
    ticks = time_ticks(shown.begin_s, shown.end_s, most, shown.zone)
    return [_mark(tick) for tick in ticks if 0.02 <= tick.share <= 0.98]


def y_marks(top: float, count: int = 4) -> list[Mark]:
    """Return the marks of the value axis, from below."""
    found = value_ticks(top, count)
    return [_mark(Tick(1 - tick.share, tick.label)) for tick in found]


def _mark(tick: Tick) -> Mark:
    return Mark(f"{tick.share * 100:.2f}".rstrip("0").rstrip("."), tick.label)


def _holes(points: Sequence[PointAnswer], at: Frame) -> list[Curve]:
    """Return where nothing was measured though it should have been; where all failed.

    Before the job was added, and in a step that has only begun, nothing is missing.
    """
    empty = [1.0 if p.missing and not has_runs(p) else 0.0 for p in points]
    failed = [1.0 if p.failed and not p.ok else 0.0 for p in points]
    return _drawn(("gap", blocks(empty, at)), ("fail", blocks(failed, at)))


def _smoke(points: Sequence[PointAnswer], at: Frame) -> list[Curve]:
    drawn = [
        (css, band(_column(points, low), _column(points, high), at))
        for low, high, css in SMOKE
    ]
    tails = [
        ("p99", line(_column(points, "p99_ms"), at)),
        ("p95", line(_column(points, "p95_ms"), at)),
    ]
    return _drawn(*drawn, *tails)


def _median(points: Sequence[PointAnswer], lost: Sequence[Value], at: Frame
            ) -> list[Curve]:  # fmt: skip
    classes = [loss_class(loss) for loss in lost]
    pieces = classed(_column(points, "p50_ms"), classes, at)
    return _drawn(*((f"p50 {css}", d) for css, d in sorted(pieces.items())))


def _loss(lost: Sequence[Value], at: Frame) -> list[Curve]:
    """Return a bar for each step that lost anything, those of a class together."""
    found = []
    for _, css in LOSSES[:-1]:
        mine = [x if loss_class(x) == css else None for x in lost]
        found.append((css, blocks(mine, at)))
    return _drawn(*found)


def _drawn(*pairs: tuple[str, str]) -> list[Curve]:
    return [Curve(css, d) for css, d in pairs if d]


def _column(points: Sequence[PointAnswer], name: str) -> list[Value]:
    return [getattr(point, name) for point in points]


def _legend(lost: Sequence[Value]) -> list[str]:
    """Return the classes that are seen, from the least loss to the most."""
    seen = {loss_class(x) for x in lost if x is not None}
    return [css for _, css in reversed(LOSSES) if css in seen and css != "loss-0"]


def _text_plot(history: HistoryAnswer, width: int, shown: Range) -> list[SparkPart]:
    until = moment_label(shown.end_s, 60, shown.zone)
    lines = ascii_chart(
        [_value(point) for point in history.points],
        width=min(width, max(len(history.points), 1)),
        height=ROWS,
        start_label=written(shown.begin_s, shown.zone)[: 16 if width > 40 else 10],
        end_label=t("job.end") if shown.word and not shown.at else until,
        spread=[_tail(point) for point in history.points],
    )
    return parts_of("\n".join(lines))


def _value(point: PointAnswer) -> Value:
    """Return a step's median; None if it failed, NaN if nothing was measured."""
    if point.failed and point.failed >= point.ok:
        return None
    return math.nan if point.p50_ms is None else point.p50_ms


def _tail(point: PointAnswer) -> float:
    return math.nan if point.p95_ms is None else point.p95_ms
