"""Paths of smooth charts: numbers in, the ``d`` of an SVG path out, and no markup.

Every plot is WIDE by HIGH units, whatever size it is shown in; y grows downward. A
value is drawn over the whole width of its step; ``None`` and NaN leave a gap, and
what is above the top of the frame is cut off there.
"""

import math
from collections.abc import Iterator, Sequence

from msgspec import Struct

WIDE, HIGH = 1000, 100

Value = float | None


class Frame(Struct, frozen=True):
    """Where steps and values stand: ``edges`` are one more than there are steps."""

    edges: Sequence[float]
    top: float

    def y(self, value: float) -> float:
        """Return how far below the top *value* stands."""
        return HIGH * (1.0 - min(max(value / self.top, 0.0), 1.0))

    def middle(self, step: int) -> float:
        """Return the middle of a step."""
        return (self.edges[step] + self.edges[step + 1]) / 2


def frame(
    begin: float, end: float, starts: Sequence[float], width: float, top: float
) -> Frame:
    """Return the frame of steps that begin at *starts* and are *width* long.

    The plot shows *begin* to *end*; a step that sticks out is cut there. All are
    seconds. *top* is the value at the upper edge, and more than zero.
    """
    span = max(end - begin, 1e-9)
    marks = [*starts, starts[-1] + width] if starts else [begin]
    return Frame([_clip((at - begin) / span) * WIDE for at in marks], max(top, 1e-9))


def _clip(share: float) -> float:
    return min(max(share, 0.0), 1.0)


def runs(values: Sequence[Value]) -> Iterator[range]:
    """Yield the stretches in which every value is known."""
    begin = None
    for index, value in enumerate(values):
        if is_known(value):
            begin = index if begin is None else begin
        elif begin is not None:
            yield range(begin, index)
            begin = None
    if begin is not None:
        yield range(begin, len(values))


def is_known(value: Value) -> bool:
    """Tell whether there is a number."""
    return value is not None and math.isfinite(value)


def line(values: Sequence[Value], at: Frame) -> str:
    """Return a line through *values*."""
    return "".join(_joined(_points(values, run, at)) for run in runs(values))


def band(low: Sequence[Value], high: Sequence[Value], at: Frame) -> str:
    """Return the area between two series, where both are known."""
    both = [
        a if is_known(a) and is_known(b) else None
        for a, b in zip(low, high, strict=True)
    ]
    parts = []
    for run in runs(both):
        over = _points(high, run, at)
        under = _points(low, run, at)
        parts.append(_joined([*over, *reversed(under)]) + "Z")
    return "".join(parts)


def classed(
    values: Sequence[Value], classes: Sequence[str], at: Frame
) -> dict[str, str]:
    """Return the same line in pieces: for each class the steps that have it."""
    pieces: dict[str, list[str]] = {}
    for run in runs(values):
        points = _points(values, run, at)
        for index in run:
            drawn = _piece(points, index - run.start, len(run))
            pieces.setdefault(classes[index], []).append(_joined(drawn))
    return {name: "".join(drawn) for name, drawn in pieces.items()}


def blocks(shares: Sequence[Value], at: Frame) -> str:
    """Return a bar from below for each share of 1 that is more than zero."""
    parts = []
    for step, share in enumerate(shares):
        if share is None or not math.isfinite(share) or share <= 0:
            continue
        left, right = at.edges[step], at.edges[step + 1]
        # What is not zero can be seen.
        high = HIGH * max(min(share, 1.0), 0.04)
        parts.append(
            f"M{short(left)} {HIGH}V{short(HIGH - high)}H{short(right)}V{HIGH}Z"
        )
    return "".join(parts)


def stacked(series: Sequence[Sequence[Value]], at: Frame) -> list[str]:
    """Return the band of each series upon those before it.

    A step in which none is known stays empty; in others an unknown one is zero.
    """
    count = len(series[0]) if series else 0
    empty = [not any(is_known(one[i]) for one in series) for i in range(count)]
    under: list[Value] = [None if gap else 0.0 for gap in empty]
    drawn = []
    for one in series:
        over = [_plus(a, b) for a, b in zip(under, one, strict=True)]
        drawn.append(band(under, over, at))
        under = over
    return drawn


def _plus(under: Value, value: Value) -> Value:
    if under is None:
        return None
    return under + (value if value is not None and math.isfinite(value) else 0.0)


def _points(
    values: Sequence[Value], run: range, at: Frame
) -> list[tuple[float, float]]:
    """Return the corners of a run: its left edge, each middle, its right edge."""
    known = [at.y(value) for i in run if (value := values[i]) is not None]
    inner = [(at.middle(i), y) for i, y in zip(run, known, strict=True)]
    left, right = at.edges[run.start], at.edges[run.stop]
    return [(left, known[0]), *inner, (right, known[-1])]


def _piece(
    points: Sequence[tuple[float, float]], step: int, count: int
) -> list[tuple[float, float]]:
    """Return the part of a run's line that belongs to one of its steps."""
    before, here, after = points[step], points[step + 1], points[step + 2]
    left = before if step == 0 else _halfway(before, here)
    right = after if step == count - 1 else _halfway(here, after)
    return [left, here, right]


def _halfway(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2


def _joined(points: Sequence[tuple[float, float]]) -> str:
    first, *rest = points
    moved = f"M{short(first[0])} {short(first[1])}"
    return moved + "".join(f"L{short(x)} {short(y)}" for x, y in rest)


def short(number: float) -> str:
    """Return a coordinate, to a tenth of a unit."""
    return f"{number:.1f}".removesuffix(".0")
