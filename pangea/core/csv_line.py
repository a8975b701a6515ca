"""Lines of CSV that no spreadsheet runs: RFC 4180, and text that is only text."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from .text import safe_text

#: What makes a spreadsheet take a cell for a formula, also in its wide form.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
#: Where the comma stands in numbers spreadsheets part cells by this, quoted or not.
_NEXT_CELL = re.compile(r"(;[\s\"]*)(?=[-=+@＝＋－＠])")
_MUST_QUOTE = frozenset('",;\r\n')
#: So much of one cell is told.
LONGEST = 10_000


def csv_line(cells: Iterable[Any]) -> str:
    """Return *cells* as one line, with the end of the line.

    Nothing (None) is empty, a list or table is JSON, and text that a spreadsheet
    would calculate begins with an apostrophe, also what follows a semicolon.
    """
    return ",".join(map(_quoted, map(csv_cell, cells))) + "\n"


def csv_cell(value: Any) -> str:
    """Return a value as the text of a cell, not yet quoted."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if not isinstance(value, str):
        value = msgspec.json.encode(value).decode()
    text = safe_text(value, LONGEST)
    text = _NEXT_CELL.sub(r"\1'", text)
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text


def _quoted(text: str) -> str:
    if _MUST_QUOTE.isdisjoint(text) and text == text.strip():
        return text
    return '"' + text.replace('"', '""') + '"'
