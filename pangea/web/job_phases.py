"""The phases of a job's runs, stacked: where the time goes, and when that changes."""

from collections.abc import Sequence

from msgspec import Struct

from pangea.core.chart_axis import ceiling
from pangea.core.chart_path import Value, stacked
from pangea.core.text import safe_text

from .job_chart import Curve, Graph, frame_of, x_marks, y_marks
from .job_range import Range
from .schema import HistoryAnswer, PointAnswer
from .text import t
from .words import ms

#: The phases that are drawn apart; of a plug-in's the rest is one.
MOST = 8


class PhaseLegend(Struct, frozen=True):
    """A phase: the class of its colour, its name, its mean, its part of the whole."""

    css: str
    name: str
    mean: str
    part: str


class PhasesView(Struct, frozen=True):
    """The stacked phases, from below, and what each is on the whole."""

    graph: Graph
    legend: list[PhaseLegend]


def phases_view(history: HistoryAnswer, shown: Range) -> PhasesView | None:
    """Return the stacked phases of *history*, None if it tells of none."""
    points = history.points
    names = order([list(phases_of(point)) for point in points])[:MOST]
    if len(names) < 2:
        return None
    series = [_column(points, name) for name in names]
    sums = [sum(phases_of(point).get(n, 0.0) for n in names) for point in points]
    top = ceiling(max(sums, default=0.0) * 1.02)
    at = frame_of(history, shown, top)
    curves = [
        Curve(f"phase-{number}", d) for number, d in enumerate(stacked(series, at)) if d
    ]
    legend = _legend(points, names)
    said = ", ".join(f"{one.name} {one.mean} ({one.part})" for one in legend)
    graph = Graph(curves, x_marks(shown), y_marks(top), t("job.phases_said", said=said))
    return PhasesView(graph, legend)


def phases_of(point: PointAnswer) -> dict[str, float]:
    """Return the mean milliseconds of each phase of a step, {} if none is known."""
    told: dict[str, float] = getattr(point, "phases_ms", {})
    return told


def order(lists: Sequence[Sequence[str]]) -> list[str]:
    """Return all names in an order that fits the lists, as far as they agree."""
    found: list[str] = []
    for names in sorted(lists, key=len, reverse=True):
        at = 0
        for name in names:
            if name in found:
                at = found.index(name) + 1
            else:
                found.insert(at, name)
                at += 1
    return found


def _column(points: Sequence[PointAnswer], name: str) -> list[Value]:
    return [phases_of(point).get(name) for point in points]


def _legend(points: Sequence[PointAnswer], names: Sequence[str]) -> list[PhaseLegend]:
    """Return the means over all good runs, each with its part of the sum."""
    runs = sum(point.ok for point in points if phases_of(point)) or 1
    means = [
        sum(phases_of(p).get(name, 0.0) * p.ok for p in points) / runs for name in names
    ]
    whole = sum(means) or 1.0
    return [
        PhaseLegend(
            f"phase-{number}",
            safe_text(name, 20),
            ms(mean),
            f"{mean / whole * 100:.0f} %",
        )
        for number, (name, mean) in enumerate(zip(names, means, strict=True))
    ]
