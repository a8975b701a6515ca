"""Several runs: a line for each, and what they add up to."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from pangea.core.chart import sparkline
from pangea.core.durations import milliseconds
from pangea.core.sheet import gist

from .probe_view import said_of, why, wrapped
from .table import Style, pad, width_of

#: From so many runs on they are drawn, the last so many of them.
DRAWN_FROM, DRAWN_MOST = 5, 60


def run_line(
    style: Style, number: int, found: dict[str, Any], width: int | None
) -> str:
    """Return the result *found* of run *number* as one line."""
    word = said_of(found)
    mark = style.paint(pad(style.mark(word), 8), style.colour_of(word))
    told = why(found, 300) or gist(found["type"], found["readings"])
    if "changed" in found["flags"]:
        told = f"changed; {told}" if told else "changed"
    head = f"{number:>3}  {milliseconds(found['duration_ms']):>8}"
    text = style.plain(told)
    if width is not None:
        room = width - width_of(head) - max(width_of(style.mark(word)), 8) - 4
        text = wrapped(text, max(room, 20))[0] if text else ""
    return f"{mark}  {head}  {text}".rstrip()


def summary(style: Style, founds: Sequence[dict[str, Any]]) -> list[str]:
    """Return how many runs of which outcome there were, the times, a drawing."""
    words = [said_of(found) for found in founds]
    counts = [f"{words.count(word)} {word}" for word in dict.fromkeys(words)]
    runs = "1 run" if len(founds) == 1 else f"{len(founds)} runs"
    lines = [f"{runs}: {', '.join(counts)}"]
    spent = [f["duration_ms"] if f["outcome"] == "ok" else None for f in founds]
    known = [value for value in spent if value is not None]
    if known:
        lines.append(_times(known))
    if len(founds) >= DRAWN_FROM:
        lines.append(style.plain(sparkline(spent[-DRAWN_MOST:])))
    return lines


def _times(spent: list[float]) -> str:
    """Return the statistics as ping has them, with percentiles."""
    ranked = sorted(spent)
    told = {
        "min": ranked[0],
        "avg": sum(ranked) / len(ranked),
        "max": ranked[-1],
        "p50": _rank(ranked, 0.5),
        "p95": _rank(ranked, 0.95),
    }
    steps = [abs(b - a) for a, b in pairwise(spent)]
    if steps:
        told["jitter"] = sum(steps) / len(steps)
    values = [f"{v:.0f}" if v >= 100 else f"{round(v, 3):.3g}" for v in told.values()]
    return f"{'/'.join(told)} = {'/'.join(values)} ms"


def _rank(ranked: list[float], share: float) -> float:
    """Return the smallest value that *share* of all do not exceed."""
    return ranked[max(-int(-share * len(ranked) // 1), 1) - 1]
