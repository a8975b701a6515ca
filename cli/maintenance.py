"""`pangea maintenance`: plan work, list what is planned, end it."""

from typing import Any

import click

from pangea.core.durations import parse_duration
from pangea.core.errors import UsageError

from .client import path_of
from .given import table_of
from .group import Group, repeated
from .output import Column, joined, show_items, show_one
from .session import Session
from .table import Style


def _of(item: dict[str, Any]) -> str:
    """Return what is worked on, in few words."""
    parts = [*item["jobs"], joined(item["labels"])]
    parts += [f"worker {name}" for name in item["workers"]]
    return " ".join(part for part in parts if part) or "what was removed"


COLUMNS = [
    Column("id", lambda item: item["id"]),
    Column("state", lambda item: item["state"]),
    Column("of", _of),
    Column("jobs", lambda item: item["covers"]),
    Column("from", lambda item: _moment(item["from"])),
    Column("until", lambda item: _moment(item["until"])),
    Column("when", lambda item: item["schedule"]),
    Column("reason", lambda item: item["reason"]),
    Column("by", lambda item: item["by"], wide=True),
]


@click.group("maintenance", cls=Group, no_args_is_help=True)
def command() -> None:
    """Plan work on jobs or workers: meanwhile nothing is up, down, or paged."""


@command.command("add")
@repeated("--job", "jobs", metavar="JOB", help="Work on this job; repeatable.")
@repeated("--label", "labels", metavar="K=V", help="On jobs with all of these labels.")
@repeated("--worker", "workers", metavar="W", help="On this worker; repeatable.")
@click.option("--for", "length", metavar="2h", help="So long, from now or --from on.")
@click.option(
    "--from", "start", metavar="TIME", help="22:00, in 2h, 2026-01-31T22:00:00Z (UTC)."
)
@click.option("--until", metavar="TIME", help="Likewise: 23:30, tomorrow 01:00.")
@click.option("--weekly", metavar="DAYS@FROM-TO", help="mon,tue@22:00-23:30")
@click.option("--cron", metavar="LINE", help="'0 3 * * 0' (Sundays), as long as --for.")
@click.option("--zone", metavar="ZONE", help="By the clocks of Europe/Paris (UTC).")
@click.option("--reason", metavar="TEXT", help="What is done, for whoever wonders.")
@click.pass_obj
def add(session: Session, /, **given: Any) -> None:
    """Plan work: who is named is in maintenance while it lasts.

    A job in maintenance counts neither as up nor as down and opens no incident; of a
    worker in maintenance nothing counts.

    \b
    pangea maintenance add --job web --for 2h --reason "new disk"
    pangea maintenance add --label site=paris --weekly sun@02:00-04:00
    pangea maintenance add --worker lon-1 --cron '0 3 1 * *' --for 1h
    """
    plan = session.client().post("maintenance", _spec(given))
    show_one(session, plan, lambda style: _lines(style, plan), name=str(plan["id"]))
    if not plan["covers"] and not plan["workers"]:
        session.note("no job has these labels yet")


@command.command("list")
@click.pass_obj
def list_(session: Session) -> None:
    """List what is planned, the newest first."""
    items = session.client().items("maintenance")
    show_items(session, items, COLUMNS, key="id")
    if not items:
        session.note("nothing is planned\n  try: pangea maintenance add --help")


@command.command("end")
@click.argument("id_", metavar="ID", type=click.IntRange(min=1))
@click.pass_obj
def end(session: Session, id_: int) -> None:
    """End the maintenance ID now and for good."""
    plan = session.client().post(path_of("maintenance", str(id_), "end"))
    show_one(session, plan, lambda style: [f"ended {id_}"], name=str(id_))


def _spec(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options as the fields that the API takes."""
    length = given["length"]
    if given["cron"] and length is None:
        raise UsageError("--cron says when it begins", hint="and --for how long it is")
    fields = {
        "jobs": list(given["jobs"]),
        "labels": table_of("--label", given["labels"]),
        "workers": list(given["workers"]),
        "duration_s": None if length is None else float(parse_duration(length)),
        "from": given["start"],
        "until": given["until"],
        "weekly": given["weekly"],
        "cron": given["cron"],
        "zone": given["zone"],
        "reason": given["reason"],
    }
    return {key: value for key, value in fields.items() if value not in (None, [], {})}


def _lines(style: Style, plan: dict[str, Any]) -> list[str]:
    said = "goes on" if plan["state"] == "active" else f"begins {_moment(plan['from'])}"
    jobs = f"{plan['covers']} job{'' if plan['covers'] == 1 else 's'}"
    until = _moment(plan["until"])
    told = f"maintenance {plan['id']} of {_of(plan)} ({jobs}) {said}, until {until}"
    return [style.plain(told)]


def _moment(iso: str | None) -> str:
    """Return a moment to the minute, in UTC."""
    return f"{iso[:16].replace('T', ' ')} UTC" if iso else "-"
