"""One result on a screen: verdict, phases as bars, and the facts."""

import re
import shutil
import sys
from collections.abc import Iterator
from typing import Any

from pangea.core.durations import milliseconds
from pangea.core.fact import Fact, Part
from pangea.core.reasons import REASONS
from pangea.core.sheet import sheet
from pangea.core.text import safe_text

from .probe_view_phases import bars
from .results import word_of
from .table import Style, width_of

#: An outcome in the word that stands first; the word has glyph and colour.
WORDS = {"ok": "up", "error": "could not tell"}
#: Bars are drawn for so many columns where there is no terminal.
NO_TERMINAL = 80
NARROWEST = 40
#: A name of a fact that is longer stands on a line of its own.
LONGEST_NAME = 14
#: What lies between the phases, and is no part of the whole.
OTHER, ASIDE = "other", ("wait", "accept")
_WORDS = re.compile(r"\s*\S+\s*")
_HANG = re.compile(r"[\s└─+-]*")


def screen_width() -> int | None:
    """Return the columns of the terminal, None if the output goes elsewhere."""
    if not sys.stdout.isatty():
        return None
    return max(shutil.get_terminal_size().columns, NARROWEST)


def card(style: Style, found: dict[str, Any], width: int | None) -> list[str]:
    """Return the lines of the result *found*; None as *width*: wrap nothing."""
    lines = list(_verdict(style, found, width))
    if _is_divided(found):
        drawn = bars(style, _with_rest(found), width or NO_TERMINAL)
        lines += ["", *drawn]
    parts = sheet(found["type"], found["readings"])
    return lines + laid_out(style, parts, width)


def said_of(found: dict[str, Any]) -> str:
    """Return the word of a result: up, warn, failed or could not tell."""
    word = word_of(found)
    return WORDS.get(word, word)


def why(found: dict[str, Any], limit: int = 500) -> str:
    """Return the reason of a result as code and sentence, "" if there is none."""
    reason = safe_text(found["reason"], 40)
    said = safe_text(found["detail"] or REASONS.get(reason, ""), limit)
    return f"{reason}: {said}" if reason and said else reason or said


def laid_out(style: Style, parts: list[Part], width: int | None) -> list[str]:
    """Return the facts as ``name  value``, an empty line before each part."""
    names = [width_of(fact.name) for part in parts for fact in part]
    column = max((n for n in names if n <= LONGEST_NAME), default=LONGEST_NAME)
    lines = []
    for part in parts:
        lines.append("")
        for fact in part:
            lines += _fact(style, fact, column, width)
    return lines


def wrapped(text: str, width: int | None) -> list[str]:
    """Return *text* in lines of at most *width* columns, broken between words.

    What is indented, or hangs on a branch, stays so.
    """
    if width is None or width_of(text) <= width:
        return [text]
    hang = _HANG.match(text)
    indent = " " * min(len(hang[0]) if hang else 0, width // 2)
    lines, line = [], ""
    for word in _WORDS.findall(text):
        if line.strip() and width_of(line + word.rstrip()) > width:
            lines.append(line.rstrip())
            line = indent
        line += word
        while width_of(line.rstrip()) > width:
            head = _head(line, width)
            lines.append(head)
            line = indent + line[len(head) :]
    return [*lines, line.rstrip()] if line.strip() else lines


def _verdict(style: Style, found: dict[str, Any], width: int | None) -> Iterator[str]:
    word, took = said_of(found), milliseconds(found["duration_ms"])
    what = f"{safe_text(found['type'], 20)} {safe_text(found['target'])}"
    mark, colour = style.mark(word), style.colour_of(word)
    first, *rest = wrapped(f"{mark}  {style.plain(what)}  {took}", width)
    yield style.paint(mark, colour) + first.removeprefix(mark)
    yield from rest
    for line in wrapped(style.plain(why(found)), width):
        if line:
            yield style.paint(line, colour)


def _is_divided(found: dict[str, Any]) -> bool:
    """Tell whether the phases say more than the whole."""
    spent, whole = list(found["phases"].values()), found["duration_ms"]
    return len(spent) > 1 or (len(spent) == 1 and abs(whole - spent[0]) > whole / 20)


def _with_rest(found: dict[str, Any]) -> dict[str, float]:
    """Return the phases, and what is left of the whole if that is much."""
    spent, whole = dict(found["phases"]), found["duration_ms"]
    rest = whole - sum(ms for name, ms in spent.items() if name not in ASIDE)
    return {**spent, OTHER: rest} if rest > whole / 20 else spent


def _fact(style: Style, fact: Fact, column: int, width: int | None) -> Iterator[str]:
    if not fact.name:
        # A table has the whole width.
        yield from map(style.plain, fact.lines)
        return
    name = style.plain(fact.name)
    if width_of(name) > column and _fits(fact, width):
        column = width_of(name)
    elif width_of(name) > column:
        for line in wrapped(name, width):
            yield style.paint(line, "dim")
        name = ""
    room = None if width is None else max(width - column - 2, NARROWEST // 2)
    for line in fact.lines:
        text = style.plain(line)
        for piece in [text] if fact.columns else wrapped(text, room):
            head = style.paint(name, "dim") + " " * (column - width_of(name))
            yield f"{head}  {style.paint(piece, style.colour_of(fact.tone))}"
            name = ""


def _fits(fact: Fact, width: int | None) -> bool:
    """Tell whether the fact is one line, its name included."""
    size = width_of(fact.name) + 2 + width_of(fact.lines[0])
    return len(fact.lines) == 1 and (width is None or size <= width)


def _head(text: str, width: int) -> str:
    """Return as much of the beginning of *text* as fits."""
    end = min(width, len(text))
    while width_of(text[:end]) > width:
        end -= 1
    return text[: max(end, 1)]
