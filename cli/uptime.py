"""`pangea uptime`, and uptime and promises in words for all that show them."""

import math
from typing import Any

import click

from pangea.core.durations import format_duration, parse_duration
from pangea.core.errors import NotFound

from .calendar_view import show_calendar
from .client import Client, path_of
from .group import Command
from .output import ago, pairs, show_one
from .session import Session

#: Of the kinds of minutes, those that people read, in this order.
WORDS = {
    "up": "up",
    "degraded": "degraded",
    "down": "down",
    "unknown": "unknown",
    "maintenance": "in maintenance",
    "drill": "in a drill",
    "paused": "paused",
    "no_data": "not measured",
}


@click.command("uptime", cls=Command)
@click.argument("name")
@click.option("--range", "range_", default="30d", metavar="30d", help="How far back.")
@click.option("--calendar", is_flag=True, help="Draw a square for each day.")
@click.option("--days", type=click.IntRange(1, 1830), default=365, help="So many.")
@click.option("--zone", default="UTC", metavar="ZONE", help="Whose days they are.")
@click.pass_obj
def command(
    session: Session, name: str, range_: str, calendar: bool, days: int, zone: str
) -> None:
    """Print how much of the time the job NAME was up, and what is promised.

    \b
    pangea uptime web --range 7d
    pangea uptime web --calendar --days 90 --zone Europe/Helsinki
    """
    client = session.client()
    if calendar:
        show_calendar(session, client, name, days, zone, rows_of)
        return
    seconds = parse_duration(range_)
    answer = client.get(path_of("jobs", name, "uptime"), range=f"{seconds:f}")
    show_one(session, answer, lambda style: pairs(style, rows_of(answer)), name=name)


def rows_of(answer: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return what is known of a stretch of time, as pairs."""
    measured = f"{share(answer.get('coverage'))} of the time"
    since = answer.get("added_at")
    measured += f" since it was added, {ago(since)}" if since else ""
    return [
        ("uptime", share(answer.get("uptime"))),
        *time_rows(answer),
        ("measured", measured),
    ]


def share(value: float | None) -> str:
    """Return a share as percent that never rounds up to a perfect 100."""
    if value is None:
        return "-"
    return f"{math.floor(value * 100_000) / 1000:.3f} %"


def uptime_of(
    client: Client,
    name: str,
    range: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> dict[str, Any]:
    """Return the uptime of a job; nothing from a coordinator that knows none."""
    path = path_of("jobs", name, "uptime")
    try:
        answer = client.get(path, range=range, since=since, until=until)
    except NotFound:
        return {}
    return answer if isinstance(answer, dict) else {}


def time_rows(answer: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the rows that tell how long a job was what, and what is promised."""
    minutes = answer.get("minutes") or {}
    spent = [
        f"{format_duration(minutes[kind] * 60)} {word}"
        for kind, word in WORDS.items()
        if minutes.get(kind)
    ]
    return [("time", ", ".join(spent)), ("slo", slo_words(answer))]


def slo_words(answer: dict[str, Any]) -> str:
    """Return a promise, what is left of its budget, and how fast that burns."""
    slo = answer.get("slo")
    if not slo:
        return ""
    if slo.get("too_young"):
        return f"{slo['target']:g} %, too young to tell ({slo['too_young']})"
    left, total = slo["left_min"], slo["budget_min"]
    budget = f"{format_duration(left * 60)} of {format_duration(total * 60)} left"
    if left < 0:
        over = format_duration(-left * 60)
        budget = f"broken: {over} more than the {format_duration(total * 60)} allowed"
    burn = [f"{name} {v:.3g}x" for name, v in slo["burn"].items() if v is not None]
    burning = f"; burning {', '.join(burn)}" if burn else ""
    return f"{slo['target']:g} %, {budget}{burning}"
