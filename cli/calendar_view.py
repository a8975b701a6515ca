"""A calendar of days on a terminal: for `uptime`."""

import shutil
from collections.abc import Callable
from datetime import date
from itertools import dropwhile
from typing import Any

from pangea.core.calendar_chart import Square, draw
from pangea.core.durations import format_duration
from pangea.core.text import safe_text
from pangea.core.uptime import KINDS

from .client import Client, path_of
from .output import pairs, show_one
from .session import Session
from .streamed import FORMS, print_rows
from .table import Style

#: The days that were worst are told by name.
WORST = 5
Rows = list[tuple[str, Any]]
RowsOf = Callable[[dict[str, Any]], Rows]


def show_calendar(
    session: Session, client: Client, name: str, days: int, zone: str, rows_of: RowsOf
) -> None:
    """Print the last *days*: as squares, or a row each in the forms that have rows.

    *rows_of* tells what they add up to.
    """
    answer = client.get(path_of("jobs", name, "calendar"), days=days, zone=zone)
    if session.form in FORMS:
        print_rows(session, [_flat(day) for day in answer["days"]])
        return
    show_one(
        session, answer, lambda style: _lines(style, answer, rows_of(answer)), name=name
    )


def _flat(day: dict[str, Any]) -> dict[str, Any]:
    """Return a day as a row; what it was not it was for no minutes."""
    spent = {f"{kind}_min": day["minutes"].get(kind, 0.0) for kind in KINDS}
    return {key: day[key] for key in ("date", "uptime", "coverage")} | spent


def _lines(style: Style, answer: dict[str, Any], rows: Rows) -> list[str]:
    # Days before the job was there are no part of the picture.
    days = list(dropwhile(lambda day: not day["minutes"], answer["days"]))
    squares = [Square(date.fromisoformat(d["date"]), d["minutes"]) for d in days]
    width = shutil.get_terminal_size().columns
    drawn = draw(squares, width=width, plain=style.ascii)
    worst = [("worst days", ", ".join(_worst(answer["days"])))]
    return [*drawn, "", *pairs(style, [*rows, *worst])]


def _worst(days: list[dict[str, Any]]) -> list[str]:
    """Return the days that were down longest, with how long."""
    down = [day for day in days if day["minutes"].get("down")]
    down.sort(key=lambda day: (-day["minutes"]["down"], day["date"]))
    return [
        f"{safe_text(day['date'], 10)} {format_duration(day['minutes']['down'] * 60)}"
        for day in down[:WORST]
    ]
