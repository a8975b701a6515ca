"""`pangea incident`: what is and was wrong, and who takes care of it."""

from itertools import islice
from typing import Any

import click

from pangea.core.durations import format_duration
from pangea.core.text import safe_text

from . import explain
from .client import path_of
from .group import Group
from .output import Column, ago, pairs, show_items, show_one
from .session import Session
from .streamed import FORMS, print_rows
from .table import Style

#: Members that are printed; the API tells all.
MEMBERS = 50


def verdict(incident: dict[str, Any]) -> str:
    """Return the verdict that an open incident has, and the worst of one that is over.

    An open one whose jobs are all well again is ``up``.
    """
    if incident.get("state") not in ("open", "acknowledged"):
        return str(incident.get("worst", ""))
    return str(incident.get("verdict", "")) if incident.get("unwell_count", 1) else "up"


def opened(incident: dict[str, Any]) -> str:
    """Return how long ago it opened."""
    return ago(incident.get("opened_at"))


def lasted(incident: dict[str, Any]) -> str:
    """Return for how long it has gone on, or went on."""
    return format_duration(round(incident.get("duration_s") or 0))


COLUMNS = [
    Column("verdict", verdict, mark=True),
    Column("id", lambda incident: incident.get("id", "")),
    Column("state", lambda incident: state(incident)),
    Column("what", lambda incident: what(incident)),
    Column("opened", opened),
    Column("lasted", lasted),
    Column("by", lambda incident: incident.get("acknowledged_by") or "-"),
    Column("why", lambda incident: incident.get("reason", "")),
    Column("jobs", lambda incident: incident.get("job_count", ""), wide=True),
    Column("opened at", lambda incident: incident.get("opened_at", ""), wide=True),
    Column("closed at", lambda incident: incident.get("closed_at") or "-", wide=True),
]


def state(incident: dict[str, Any]) -> str:
    """Return how far it is, and how much nobody has acknowledged yet."""
    new = incident.get("new_since_ack") or 0
    words = str(incident.get("state", ""))
    return f"{words}, {new} new since" if new and words == "acknowledged" else words


def what(incident: dict[str, Any]) -> str:
    """Return the title, and what is special about the incident."""
    special = ("drill", "flapping", "backfilled", "retracted")
    marks = [mark.upper() for mark in special if incident.get(mark)]
    return " ".join([str(incident.get("title", "")), *marks])


@click.group("incident", cls=Group, no_args_is_help=True)
def command() -> None:
    """List incidents, and take care of them."""


command.add_command(explain.incident)


@command.command("list")
@click.option("--open", "only_open", is_flag=True, help="Those that go on, alone.")
@click.option("--all", "all_", is_flag=True, help="However long ago.")
@click.option("--job", metavar="JOB", help="Of this job alone.")
@click.option("--since", metavar="7d", help="That ended since then.")
@click.option("--limit", type=click.IntRange(1, 10000), help="At most so many.")
@click.pass_obj
def list_(
    session: Session,
    only_open: bool,
    all_: bool,
    job: str | None,
    since: str | None,
    limit: int | None,
) -> None:
    """List incidents, newest first: those of the last 7 days."""
    within = None if all_ or only_open else since or "7d"
    client = session.client()
    if all_ and session.form in FORMS:
        only = "true" if only_open else None
        rows = client.lines("export/incidents", job=job, open=only, since=since)
        print_rows(session, islice(rows, limit))
        return
    found = client.items(
        "incidents",
        limit or (None if all_ else 100),
        open="true" if only_open else None,
        job=job,
        since=since if only_open or all_ else within,
    )
    show_items(session, found, COLUMNS, key="id")
    if not found:
        session.note("nothing is wrong" if only_open else "there were no incidents")


@command.command("show")
@click.argument("id_", metavar="ID|JOB")
@click.pass_obj
def show(session: Session, id_: str) -> None:
    """Show one incident with its timeline; of a job the open or last one."""
    client = session.client()
    found = client.get(path_of("incidents", id_))
    into = found.get("merged_into")
    if into:
        session.note(f"{found['id']} goes on as {into}")
        found = client.get(path_of("incidents", into))
    _print(session, found)


@command.command("ack")
@click.argument("id_", metavar="ID|JOB")
@click.option("-m", "--message", "text", default="", help="What you say of it.")
@click.pass_obj
def ack(session: Session, id_: str, text: str) -> None:
    """Tell the others that you take care of an incident."""
    client = session.client()
    told = client.post(path_of("incidents", id_, "ack"), {"text": text})
    _say(session, told, f"{told['id']}: {_acknowledged(told, text)}")


@command.command("comment")
@click.argument("id_", metavar="ID|JOB")
@click.argument("text")
@click.pass_obj
def comment(session: Session, id_: str, text: str) -> None:
    """Put a remark on the timeline of an incident."""
    client = session.client()
    told = client.post(path_of("incidents", id_, "comments"), {"text": text})
    _say(session, told, f"{told['id']}: remarked")


def _say(session: Session, incident: dict[str, Any], line: str) -> None:
    """Print *line*, or all there is to know in a form for programs."""
    show_one(
        session, incident, lambda style: [style.plain(_text(line))], name=incident["id"]
    )


def _acknowledged(told: dict[str, Any], text: str) -> str:
    """Return who takes care of it, and since when if that is nothing new."""
    by, said = told.get("acknowledged_by"), told.get("acknowledged_text")
    words = f": {said}" if said else ""
    if told.get("acknowledged_before") and not text:
        return f"{by} has it already, {ago(told.get('acknowledged_at'))}{words}"
    return f"acknowledged by {by}{words}"


def _print(session: Session, incident: dict[str, Any]) -> None:
    show_one(
        session, incident, lambda style: _card(style, incident), name=incident["id"]
    )


def _card(style: Style, incident: dict[str, Any]) -> list[str]:
    head = f"{style.marked(verdict(incident))}  {style.plain(_text(what(incident)))}"
    lines = [head, *pairs(style, _facts(incident))]
    members = incident.get("members", ())
    if len(members) > 1:
        lines += ["", "jobs", *(_member(style, m) for m in members[:MEMBERS])]
        if len(members) > MEMBERS:
            lines.append(f"  and {len(members) - MEMBERS} more")
    events = [
        *((e["at"], _line(e)) for e in incident.get("timeline", ())),
        *((n["at"], _noted(n)) for n in incident.get("notes", ())),
    ]
    lines += ["", "timeline"]
    for at, text in sorted(events, key=lambda event: event[0]):
        lines.append(style.plain(f"  {clock(at)}  {text}"))
    return lines


def _facts(incident: dict[str, Any]) -> list[tuple[str, Any]]:
    by = incident.get("acknowledged_by")
    said = incident.get("acknowledged_text")
    acked = f"{by}, {ago(incident.get('acknowledged_at'))}" if by else ""
    return [
        ("id", incident["id"]),
        ("state", state(incident)),
        ("goes on as", incident.get("merged_into") or ""),
        ("why", incident.get("reason", "")),
        ("cause", incident.get("cause", "")),
        ("opened", f"{incident['opened_at']}, {opened(incident)}"),
        ("times", times(incident)),
        ("closed", incident.get("closed_at") or ""),
        ("lasted", lasted(incident)),
        ("reopened", incident.get("reopened") or ""),
        ("acknowledged", f"{acked}: {said}" if acked and said else acked),
    ]


def times(incident: dict[str, Any]) -> str:
    """Return when it was first seen, and how much later it was believed."""
    after = incident.get("confirmed_after_s") or 0.0
    if not incident.get("confirmed_at"):
        return f"degraded since {clock(incident.get('bad_since', ''))}"
    first = clock(incident.get("first_fail_at", ""))
    said = f"first failure {first}, confirmed {format_duration(after)} later"
    told = incident.get("alerted_after_s")
    return said if told is None else f"{said}, told {_spent(told - after)} after that"


def _spent(seconds: float) -> str:
    return format_duration(max(round(seconds, 1), 0.0))


def clock(moment: Any) -> str:
    """Return an RFC 3339 time as ``2026-01-31 12:00:00`` (UTC)."""
    return _text(moment)[:19].replace("T", " ")


def _member(style: Style, member: dict[str, Any]) -> str:
    well = member.get("recovered_at")
    since = f"well since {clock(well)}" if well else member.get("reason", "")
    name = _text(member.get("job"))
    new = "  new since ack" if member.get("new_since_ack") else ""
    if member.get("cleared"):
        new += "  CLEARED: it was well, as late results say"
    return f"  {style.marked(str(member.get('verdict')))}  {style.plain(name)}  " + (
        style.plain(_text(since) + new)
    )


def _line(entry: dict[str, Any]) -> str:
    who = f" by {entry['who']}" if entry.get("who") else ""
    text = f": {entry['text']}" if entry.get("text") else ""
    new = ", new since ack" if (entry.get("data") or {}).get("new_since_ack") else ""
    return _text(f"{entry.get('kind')}{new}{who}{text}")


def _noted(note: dict[str, Any]) -> str:
    return _text(f"note by {note.get('who')}: {note.get('text')}")


def _text(value: Any) -> str:
    return safe_text("" if value is None else value, 300)
