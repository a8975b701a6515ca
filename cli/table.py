"""Tables for terminals: aligned by what the eye sees, coloured only there."""

import os
import sys
import unicodedata
from collections.abc import Sequence

from pangea.core.text import safe_text

COLOURS = {
    "green": "32",
    "red": "31",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "dim": "2",
}

#: word → glyph, its plain form, colour; state is never told by colour alone
MARKS = {
    "up": ("●", "+", "green"),
    "ok": ("●", "+", "green"),
    "degraded": ("▲", "!", "yellow"),
    "warn": ("▲", "!", "yellow"),
    "down": ("✖", "x", "red"),
    "failed": ("✖", "x", "red"),
    "fail": ("✖", "x", "red"),
    "unknown": ("○", "?", "cyan"),
    "error": ("○", "?", "cyan"),
    "could not tell": ("○", "?", "cyan"),
    "waiting": ("○", "?", "cyan"),
    "maintenance": ("◇", "m", "dim"),
    "paused": ("◌", "-", "dim"),
    "skipped": ("◌", "-", "dim"),
}


#: Characters of a line at most.
MOST_TEXT = 10_000


class Style:
    """What this output can show: colour and characters beyond ASCII."""

    def __init__(self, *, no_color: bool = False) -> None:
        self.colour = not no_color and _colour_wanted()
        self.ascii = _ascii_only()
        #: Whether a cell was cut; where no terminal is none is.
        self.has_cut, self._whole = False, not _is_screen()

    def paint(self, text: str, colour: str) -> str:
        """Return *text* in *colour*, or as it is."""
        if not self.colour or colour not in COLOURS:
            return text
        return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m"

    def mark(self, word: object) -> str:
        """Return a verdict or outcome as glyph and word, without colour."""
        text = safe_text(word, 20)
        glyph, plain, _ = MARKS.get(text, ("○", "?", ""))
        return f"{plain if self.ascii else glyph} {text.upper()}"

    def marked(self, word: object) -> str:
        """Return ``mark(word)`` in its colour."""
        return self.paint(self.mark(word), self.colour_of(word))

    def colour_of(self, word: object) -> str:
        """Return the colour of a verdict or outcome, "" for none."""
        return MARKS.get(str(word), ("", "", ""))[2]

    def plain(self, text: str) -> str:
        """Return *text* for this output, without what commands a terminal.

        ASCII where nothing else is wanted. Colours are painted after it.
        """
        text = safe_text(text, MOST_TEXT)
        return text.translate(_TO_ASCII) if self.ascii else text

    def table(
        self,
        titles: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        limit: int = 48,
        colours: Sequence[str] = (),
    ) -> list[str]:
        """Return the lines of a table; a cell is cut to *limit* characters.

        Nothing is cut that goes to a file or another program. *colours* names one
        colour a row, for the cell that is the mark.
        """
        if self._whole:
            limit = MOST_TEXT
        else:
            self.has_cut |= any(len(cell) > limit for row in rows for cell in row)
        safe = [[self.plain(safe_text(cell, limit)) for cell in row] for row in rows]
        heads = [self.plain(safe_text(title, limit)).upper() for title in titles]
        widths = [
            max(map(width_of, column)) for column in zip(heads, *safe, strict=True)
        ]
        lines = [_line(heads, widths)]
        for number, row in enumerate(safe):
            line = _line(row, widths)
            colour = colours[number] if colours else ""
            if colour:
                first = pad(row[0], widths[0])
                line = self.paint(first, colour) + line[len(first) :]
            lines.append(line)
        return lines


def width_of(text: str) -> int:
    """Return how many columns of a terminal *text* takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def pad(text: str, width: int) -> str:
    """Return *text* filled with spaces to *width* columns."""
    return text + " " * max(width - width_of(text), 0)


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(map(pad, cells, widths)).rstrip()


def _is_screen() -> bool:
    return sys.stdout.isatty()


def _colour_wanted() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if any(os.environ.get(n, "0") != "0" for n in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _ascii_only() -> bool:
    if os.environ.get("PANGEA_ASCII", "0") not in ("", "0"):
        return True
    return "utf" not in (sys.stdout.encoding or "ascii").lower()


_TO_ASCII = str.maketrans(
    {**dict(zip("▁▂▃▄▅▆▇█", "_.-:=+*#", strict=True)), "×": "x", "·": " "}
    | {"┤": "|", "└": "+", "─": "-", "…": "~", "—": "-", "≥": ">="}
    | dict.fromkeys("▏▎▍▌▋▊▉", "#")
    | {"→": "->", "├": "|", "│": "|", "µ": "u", "±": "+/-"}
)
