"""What differs between two stretches, workers or regions of a job: for `history`."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pangea.core.durations import format_duration, parse_duration
from pangea.core.errors import UsageError
from pangea.core.text import safe_text

from .client import Client, path_of
from .output import milliseconds, show_one
from .session import Session
from .table import Style
from .top import percent

BEFORE, REGION, WORKER = "before", "region:", "worker:"
_DURATION = re.compile(r"[0-9][0-9.a-z]*", re.ASCII)
Told = Callable[[dict[str, Any]], str]


def _time(name: str) -> Told:
    return lambda figures: milliseconds(figures.get(f"{name}_ms"))


#: What each side is told of.
ROWS: dict[str, Told] = {
    "runs": lambda figures: str(figures.get("runs", "")),
    "failed": lambda figures: percent(figures.get("failed_pct")),
    "loss": lambda figures: percent(figures.get("loss_pct")),
    "errors": lambda figures: str(figures.get("error", "")),
    **{name: _time(name) for name in ("p50", "p95", "p99", "mean", "min", "max")},
}


def place_of(text: str | None, prefix: str = "") -> dict[str, str]:
    """Return the parameter that means a worker, or a ``region:NAME``; none of none."""
    if not text:
        return {}
    if text.startswith(REGION):
        return {f"{prefix}region": text.removeprefix(REGION)}
    return {f"{prefix}worker": text.removeprefix(WORKER)}


def other_of(text: str) -> dict[str, str]:
    """Return the parameters of what is compared with, as ``--compare`` says it."""
    since, dots, until = text.partition("..")
    if dots and since.strip() and until.strip():
        return {"other_since": since.strip(), "other_until": until.strip()}
    if text == BEFORE:
        return {}
    if _DURATION.fullmatch(text):
        try:
            return {"earlier": f"{float(parse_duration(text)):f}"}
        except UsageError:
            pass  # a worker may be called 3com
    return place_of(text, "other_")


def show_compared(
    session: Session, client: Client, name: str, asked: dict[str, Any], text: str
) -> None:
    """Print what differs, and both sides."""
    answer = client.get(path_of("jobs", name, "compare"), **asked, **other_of(text))
    show_one(session, answer, lambda style: _lines(style, answer), name=name)


def _lines(style: Style, answer: dict[str, Any]) -> list[str]:
    sides = [answer["from"], answer["to"]]
    rows = [["from", *(_clock(side["since"]) for side in sides)]]
    rows += [["for", *(_length(side) for side in sides)]]
    for title, told in ROWS.items():
        cells = [told(side["figures"]) for side in sides]
        if set(cells) != {"-"}:
            rows.append([title, *cells])
    titles = ["", *(_title(side, n) for n, side in enumerate(sides))]
    if sides[0]["label"] == sides[1]["label"]:
        titles = ["", "before", "after"]
    words = safe_text(answer["words"], 300)
    return [style.plain(words), "", *style.table(titles, rows)]


def _title(side: dict[str, Any], number: int) -> str:
    return safe_text(side.get("label") or ("from", "to")[number], 63)


def _length(side: dict[str, Any]) -> str:
    try:
        begin, end = (datetime.fromisoformat(side[k]) for k in ("since", "until"))
    except ValueError:
        return "-"
    return format_duration(round((end - begin).total_seconds()))


def _clock(moment: Any) -> str:
    """Return a moment to the minute, UTC."""
    return safe_text(str(moment)[:16].replace("T", " "), 20)
