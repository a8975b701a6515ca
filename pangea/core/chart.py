"""Charts made of characters, for pages, the command line and mails.

In every series a number is a duration, ``None`` is a failure and is drawn as
``×``, and NaN is a time in which nothing was measured: it stays empty, never up
and never down.
"""

import itertools
import math
from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
FAILURE = "×"
GAP = "·"
HAZE = "░"

#: A series whose largest value is less than this many times its smallest is
#: drawn calm: a jitter of some percent is no mountain.
CALM = 1.5


def waterfall(spans: Sequence[float], width: int) -> list[str]:
    """Return a bar for each of *spans*, each drawn where the one before ended.

    Together they take *width* columns; the shortest can still be seen.
    """
    total, begun, bars = sum(spans) or 1.0, 0.0, []
    for span in spans:
        left = min(int(begun / total * width), width - 1)
        begun += span
        size = max(round((begun / total * width - left) * 8), 1)
        bars.append(" " * left + BLOCKS[-1] * (size // 8) + EIGHTHS[size % 8])
    return bars


def sparkline(values: Sequence[float | None]) -> str:
    """Return one character a value: ``▁`` to ``█``, ``×`` failed, ``·`` nothing."""
    known = _numbers(values)
    if not known:
        return "".join(FAILURE if value is None else GAP for value in values)
    low, high = min(known), max(known)
    span = max(high, low * CALM, 1e-9) - low
    return "".join(_spark(value, low, span or 1.0) for value in values)


def _spark(value: float | None, low: float, span: float) -> str:
    if value is None:
        return FAILURE
    if not math.isfinite(value):
        return GAP
    return BLOCKS[min(7, max(0, round((value - low) / span * 7)))]


def ascii_chart(
    values: Sequence[float | None],
    *,
    width: int,
    height: int,
    unit: str = "ms",
    start_label: str = "",
    end_label: str = "",
    spread: Sequence[float] = (),
) -> list[str]:
    """Return the lines of a bar chart that begins at zero.

    *width* counts the columns of the plot, *height* its rows; the scale stands
    to the left of them and adds the same width to every line. More values than
    columns are summed up: a column shows its largest value, and ``×`` at its foot
    if anything in it failed. Fewer values are not stretched. *spread* is for each
    value what stands above it, such as its p95, and is drawn as ``░``.
    """
    width, height = max(width, 1), max(height, 1)
    columns = [_column(part) for part in _parts(values, width)]
    tails = [max(_numbers(part), default=math.nan) for part in _parts(spread, width)]
    tails = tails or [math.nan] * len(columns)
    peaks = [*(peak for peak, _ in columns), *tails]
    top = _ceiling(max(_numbers(peaks), default=0.0))
    labels = _labels(top, height, unit)
    margin = max(map(len, labels))
    rows = [
        f"{label:>{margin}} ┤{_row(columns, tails, top, height, height - 1 - n)}"
        for n, label in enumerate(labels)
    ]
    foot = " " * margin + " └" + "─" * width
    gap = max(width - len(start_label) - len(end_label), 1)
    words = " " * (margin + 2) + start_label + " " * gap + end_label
    lines = [*(row.ljust(margin + 2 + width) for row in rows), foot]
    return [*lines, words] if start_label or end_label else lines


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [v for v in values if v is not None and math.isfinite(v)]


def _parts(values: Sequence[float | None], width: int) -> list[Sequence[float | None]]:
    """Split *values* into at most *width* runs of nearly the same length."""
    count = min(width, len(values))
    edges = [len(values) * n // count for n in range(count + 1)] if count else [0]
    return [values[a:b] for a, b in itertools.pairwise(edges)]


def _column(part: Sequence[float | None]) -> tuple[float, bool]:
    """Return the largest value of a part (NaN if none) and whether it failed."""
    known = _numbers(part)
    return (max(known) if known else math.nan), any(v is None for v in part)


def _row(
    columns: Sequence[tuple[float, bool]],
    tails: Sequence[float],
    top: float,
    rows: int,
    row: int,
) -> str:
    cells = zip(columns, tails, strict=True)
    return "".join(
        _cell(peak, failed, top, rows, row).replace(" ", _haze(tail, top, rows, row))
        for (peak, failed), tail in cells
    )


def _haze(tail: float, top: float, rows: int, row: int) -> str:
    """Draw row *row* from below where only the spread reaches, to *tail* of *top*."""
    return HAZE if math.isfinite(tail) and tail / top * rows - row >= 0.5 else " "


def _cell(peak: float, failed: bool, top: float, rows: int, row: int) -> str:
    """Draw row *row* from below of a column that reaches *peak* of *top*."""
    if row == 0 and failed:
        return FAILURE
    if not math.isfinite(peak):
        return " "
    eighths = round(peak / top * rows * 8) - row * 8
    if row == 0:
        eighths = max(eighths, 1)
    return " " if eighths <= 0 else BLOCKS[min(eighths, 8) - 1]


def _ceiling(peak: float) -> float:
    """Return the next round number above *peak*, so that the scale can be read."""
    if not math.isfinite(peak) or peak < 1e-9:
        return 1.0
    size = 10.0 ** math.floor(math.log10(peak))
    step = next(s for s in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if s * size >= peak * 0.9999)
    return step * size


def _labels(top: float, height: int, unit: str) -> list[str]:
    """Return a label for each row from above; each tells the top of its row."""
    return [
        f"{top * (height - n) / height:.3g} {unit}" if n % 2 == 0 or height <= 3 else ""
        for n in range(height)
    ]
