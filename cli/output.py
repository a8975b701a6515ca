"""Data on stdout, in the form that was asked for."""

import json
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pangea.core.csv_line import csv_line
from pangea.core.durations import format_duration
from pangea.core.durations import milliseconds as spent
from pangea.core.text import safe_text

from .session import Session
from .table import Style


class Column(NamedTuple):
    """A column of a table: its title, and how to tell it of an item.

    ``wide`` ones appear with ``-o wide`` only. The first column may be a mark:
    then ``cell`` returns the bare word.
    """

    title: str
    cell: Callable[[dict[str, Any]], Any]
    wide: bool = False
    mark: bool = False


def show_items(
    session: Session,
    items: Sequence[dict[str, Any]],
    columns: Sequence[Column],
    *,
    key: str = "name",
) -> None:
    """Print a list; json is exactly what the API answered, *key* is the name."""
    if session.form in ("table", "wide"):
        if items:
            _print_table(session, items, columns)
    elif session.form == "json":
        print(to_json(items))
    elif session.form == "jsonl":
        for item in items:
            print(to_json(item, indent=None))
    elif session.form == "csv":
        print(_csv(items), end="")
    else:
        for item in items:
            print(safe_text(item.get(key, ""), 1000))


def show_one(
    session: Session,
    item: dict[str, Any],
    lines: Callable[[Style], Sequence[str]],
    *,
    name: str = "",
) -> None:
    """Print one thing; *lines* makes its text, *name* is all that ``-q`` says."""
    if session.form in ("table", "wide"):
        for line in lines(Style(no_color=session.no_color)):
            print(line)
    elif session.form == "json":
        print(to_json(item))
    elif session.form == "jsonl":
        print(to_json(item, indent=None))
    elif session.form == "csv":
        print(_csv([item]), end="")
    else:
        print(safe_text(name or item.get("name", ""), 1000))


def to_json(value: Any, indent: int | None = 2) -> str:
    """Return *value* as JSON in which nothing can command a terminal."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(map(_tamed, text))


def pairs(style: Style, rows: Sequence[tuple[str, Any]]) -> list[str]:
    """Return lines of ``name  value``; empty values are left out."""
    shown = [(name, value) for name, value in rows if value not in ("", None, [], {})]
    width = max((len(name) for name, _ in shown), default=0)
    return [
        f"{name:<{width}}  {style.plain(safe_text(value, 300))}"
        for name, value in shown
    ]


def ago(moment: Any, now: datetime | str | None = None) -> str:
    """Return how long before *now* (by the clock) an RFC 3339 time was, or ``-``."""
    try:
        at = datetime.fromisoformat(str(moment))
        now = datetime.fromisoformat(now) if isinstance(now, str) else now
    except ValueError:
        return "-"
    spent = ((now or datetime.now(UTC)) - at).total_seconds()
    if spent < 1:
        return "now"
    return f"{format_duration(round(spent))} ago"


def milliseconds(value: Any) -> str:
    """Return a duration as people read it, or ``-`` for none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "-"
    return spent(value)


def joined(table: Any) -> str:
    """Return a table such as tags as ``k=v k2=v2``."""
    if not isinstance(table, dict):
        return ""
    return " ".join(f"{key}={value}" for key, value in table.items())


def _print_table(
    session: Session, items: Sequence[dict[str, Any]], columns: Sequence[Column]
) -> None:
    style, wide = Style(no_color=session.no_color), session.form == "wide"
    chosen = [c for c in columns if wide or not c.wide]
    rows = [
        [style.mark(c.cell(i)) if c.mark else str(c.cell(i)) for c in chosen]
        for i in items
    ]
    first = chosen[0]
    colours = [style.colour_of(first.cell(i)) for i in items] if first.mark else ()
    limit = 200 if wide else 48
    titles = [c.title for c in chosen]
    for line in style.table(titles, rows, limit=limit, colours=colours):
        print(line)
    if style.has_cut and not wide:
        session.note("what ends in … is cut: -o wide shows more")


def _csv(items: Sequence[dict[str, Any]]) -> str:
    """Return items as CSV (RFC 4180, but lines end as here); nested is JSON."""
    keys = list(dict.fromkeys(key for item in items for key in item))
    lines = [csv_line(item.get(key) for key in keys) for item in items]
    return "".join([csv_line(keys), *lines] if keys else lines)


def _tamed(char: str) -> str:
    """Escape what a terminal might obey; in JSON it stands in strings only."""
    if char in "\n" or unicodedata.category(char) not in _HIDDEN:
        return char
    return json.dumps(char)[1:-1] if ord(char) > 127 else f"\\u{ord(char):04x}"


_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def every(job: dict[str, Any]) -> str:
    """Return a job's interval in words."""
    interval = job.get("interval_s")
    return format_duration(interval) if isinstance(interval, (int, float)) else "-"
