"""`pangea history`: a job's past as a chart of characters, with its numbers."""

import shutil
from typing import Any

import click

from pangea.core.durations import parse_duration
from pangea.core.errors import NotFound, UsageError
from pangea.core.figures import Figures
from pangea.core.text import safe_text

from .client import Client, path_of
from .compared import place_of, show_compared
from .group import Command
from .history_view import Ends, chart_of, numbers_of
from .noted import notes_about
from .output import show_one
from .parts import show_parts
from .session import Session
from .streamed import FORMS, print_rows
from .uptime import uptime_of

SCALE = 14
WIDEST = 200
#: The columns before the figures.
FIRST = ("at", "step_s", "name")
STEPS = ("1m", "10m", "1h", "1d")


@click.command("history", cls=Command)
@click.argument("name")
@click.option("--range", "range_", metavar="24h", help="How far back.")
@click.option("--since", metavar="TIME", help="From when on, instead.")
@click.option("--until", metavar="TIME", help="Until when; default: now.")
@click.option("--on", metavar="WORKER", help="Of this worker alone.")
@click.option("--points", type=click.IntRange(1, 2000), help="In so many steps.")
@click.option("--by", type=click.Choice(["worker", "region"]), help="A line for each.")
@click.option("--compare", metavar="RANGE|WORKER", help="What differs from that.")
@click.option("--step", type=click.Choice(STEPS), help="Of what csv and jsonl list.")
@click.pass_obj
def command(
    session: Session,
    name: str,
    range_: str | None,
    since: str | None,
    until: str | None,
    on: str | None,
    points: int | None,
    by: str | None,
    compare: str | None,
    step: str | None,
) -> None:
    """Draw the past of the job NAME: the chart, percentiles and uptime.

    --compare takes "before", how much earlier (7d), FROM..TO, a worker, or
    region:NAME. -o csv and -o jsonl list the sums, step by step, however many.

    \b
    pangea history web --range 7d --by worker
    pangea history web --range 1h --compare 7d
    pangea history web --range 1y --step 1d -o csv
    """
    asked = stretch(range_, since, until)
    if step and (compare or session.form not in FORMS):
        raise UsageError(
            "--step is of what csv and jsonl list",
            hint="add -o csv; what a chart is made of is told by --points",
        )
    client = session.client()
    if compare:
        show_compared(session, client, name, {**asked, **place_of(on)}, compare)
    elif session.form in FORMS:
        if on:
            raise UsageError(f"-o {session.form} lists all workers", hint="--by worker")
        _list(session, client, name, {**asked, "step": step, "by": by})
    elif by:
        show_parts(session, client, name, asked, by)
    else:
        ends = ends_of(range_, since, until)
        _draw(session, client, name, asked, ends, on, points)


def stretch(
    range_: str | None, since: str | None, until: str | None
) -> dict[str, str | None]:
    """Return the parameters of a stretch. Raises UsageError before anybody is asked."""
    if range_ and since:
        raise UsageError("--range or --since, not both")
    seconds = parse_duration(range_ or "24h")
    if seconds < 1:
        raise UsageError("--range: wanted at least 1s")
    told = None if since else f"{float(seconds):f}"
    return {"range": told, "since": since, "until": until}


def _list(session: Session, client: Client, name: str, asked: dict[str, Any]) -> None:
    """List the sums step by step; of none say that there are none."""
    rows = client.lines("export/history", job=name, **asked)
    if not print_rows(session, rows, FIRST, (*FIRST, *Figures.__struct_fields__)):
        sums, step = f"sums of {name}", asked["step"]
        session.note(
            f"there are no {sums} by {step} in this stretch; others may be kept:"
            " leave --step away"
            if step
            else f"there are no {sums} in this stretch"
        )


def _draw(
    session: Session,
    client: Client,
    name: str,
    asked: dict[str, str | None],
    ends: Ends,
    on: str | None,
    points: int | None,
) -> None:
    """Draw the chart, and tell its numbers."""
    width = min(max(shutil.get_terminal_size().columns - SCALE, 10), WIDEST)
    drawn = session.form in ("table", "wide")
    answer = client.get(
        path_of("jobs", name, "history"),
        **asked,
        points=points or (width if drawn else None),
        worker=on,
    )
    spent = {} if on or not drawn else uptime_of(client, name, **asked)
    figures = _figures(client, name, asked, on) if drawn else {}
    begin = asked["since"] or f"{asked['range']}s"
    notes = notes_about(client, name, begin, asked["until"]) if drawn else []
    show_one(
        session,
        answer,
        lambda style: [
            *chart_of(style, answer, width, ends, notes),
            *numbers_of(style, answer, spent, figures),
        ],
        name=name,
    )


def ends_of(range_: str | None, since: str | None, until: str | None) -> Ends:
    """Return what stands at both ends of the chart."""
    begin = since or f"{range_ or '24h'} {'before' if until else 'ago'}"
    return safe_text(begin, 30), safe_text(until or "now", 30)


def _figures(
    client: Client, name: str, asked: dict[str, str | None], on: str | None
) -> dict[str, Any]:
    """Return the figures over the whole stretch; none of an older coordinator."""
    try:
        answer = client.get(path_of("jobs", name, "percentiles"), **asked)
    except NotFound:
        return {}
    parts = [part for part in answer["items"] if part["name"] == on]
    return (parts[0] if parts else {}) if on else dict(answer["all"])
