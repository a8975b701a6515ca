"""Where the time went: each phase as a bar, drawn where it began."""

from pangea.core.chart import waterfall
from pangea.core.durations import milliseconds
from pangea.core.text import safe_text

from .table import Style, pad, width_of

COLOURS = ("cyan", "blue", "magenta", "yellow", "green", "red")
#: A bar is never shorter or longer than so many columns.
LEAST, MOST = 8, 72
#: What stands beside a bar takes so many: ``  12.3 ms   45 %``.
BESIDE = 20


def bars(style: Style, phases: dict[str, float], width: int) -> list[str]:
    """Return a line for each of *phases* (ms), to scale on *width* columns."""
    names = [style.plain(safe_text(name, 12)) for name in phases]
    spans = [max(spent, 0.0) for spent in phases.values()]
    if len(names) == 1:
        # A bar says how a whole is divided.
        return [f"{names[0]}  {milliseconds(spans[0])}"]
    column, total = max(map(width_of, names)), sum(spans) or 1.0
    room = min(max(width - column - 2 - BESIDE, LEAST), MOST)
    lines = []
    for number, bar in enumerate(waterfall(spans, room)):
        painted = style.paint(
            pad(style.plain(bar), room), COLOURS[number % len(COLOURS)]
        )
        share = f"{spans[number] / total * 100:3.0f} %"
        told = f"{milliseconds(spans[number]):>9}  {share}"
        lines.append(f"{pad(names[number], column)}  {painted}  {told}")
    return lines
