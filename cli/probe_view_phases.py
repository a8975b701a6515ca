"""Where the time went: each phase as a bar, drawn where it began."""

from pangea.core.durations import milliseconds
from pangea.core.text import safe_text

from .table import Style, pad, width_of

COLOURS = ("cyan", "blue", "magenta", "yellow", "green", "red")
EIGHTHS = " ▏▎▍▌▋▊▉"
#: A bar is never shorter or longer than so many columns.
LEAST, MOST = 10, 72
#: What stands beside a bar takes so many: ``  12.3 ms   45 %``.
BESIDE = 20


def bars(style: Style, phases: dict[str, float], width: int) -> list[str]:
    """Return a line for each of *phases* (ms), to scale on *width* columns."""
    names = [style.plain(safe_text(name, 20)) for name in phases]
    column = max(map(width_of, names))
    if len(names) == 1:
        # A bar says how a whole is divided.
        return [f"{names[0]}  {milliseconds(sum(phases.values()))}"]
    room = min(max(width - column - 2 - BESIDE, LEAST), MOST)
    total = sum(phases.values()) or 1.0
    lines, begun = [], 0.0
    for number, (name, spent) in enumerate(zip(names, phases.values(), strict=True)):
        bar = _bar(begun / total * room, spent / total * room, room, plain=style.ascii)
        painted = style.paint(pad(bar, room), COLOURS[number % len(COLOURS)])
        share = f"{spent / total * 100:3.0f} %"
        told = f"{milliseconds(spent):>9}  {share}"
        lines.append(f"{pad(name, column)}  {painted}  {told}")
        begun += spent
    return lines


def _bar(begin: float, size: float, room: int, *, plain: bool) -> str:
    """Return a bar from the column *begin*; the shortest can still be seen."""
    left = min(int(begin), room - 1)
    end = min(begin + size, room)
    if plain:
        return " " * left + "#" * max(round(end) - left, 1)
    whole, part = divmod(max(round((end - left) * 8), 1), 8)
    return " " * left + "█" * whole + EIGHTHS[part].strip()
