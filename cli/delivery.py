"""`pangea delivery`: what people were told, and what did not arrive."""

from typing import Any

import click

from .client import path_of
from .group import Group
from .output import Column, ago, pairs, show_items, show_one
from .session import Session
from .table import Style

STATES = ("waiting", "sending", "sent", "dead", "dropped")
COLUMNS = [
    Column("id", lambda item: item["id"]),
    Column("at", lambda item: ago(item["at"])),
    Column("state", lambda item: item["state"]),
    Column("channel", lambda item: item["channel"] or "gone"),
    Column("what", lambda item: f"{_drill(item)}{item['kind']} {item['title']}"),
    Column("step", lambda item: item["step"]),
    Column("tries", lambda item: item["tries"]),
    Column("answer", lambda item: item["answer"]),
    Column("rule", lambda item: item["rule"], wide=True),
    Column("incident", lambda item: item["incident"] or "-", wide=True),
    Column("message", lambda item: item["message"] or "-", wide=True),
]


def _drill(item: dict[str, Any]) -> str:
    return "DRILL " if item["drill"] else ""


@click.group("delivery", cls=Group, no_args_is_help=True)
def command() -> None:
    """The log of messages: what was told to whom, and what did not arrive."""


@command.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those.")
@click.option("--dead", is_flag=True, help="What was given up: --state dead.")
@click.option("--channel", metavar="NAME", help="To that channel.")
@click.option("--incident", metavar="ID", help="Of that incident.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, help="So many.")
@click.pass_obj
def list_(
    session: Session,
    state: str | None,
    dead: bool,
    channel: str | None,
    incident: str | None,
    limit: int,
) -> None:
    """List what was to be told, the newest first."""
    asked = {
        "state": "dead" if dead else state,
        "channel": channel,
        "incident": incident,
    }
    query = {name: value for name, value in asked.items() if value}
    items = session.client().items("deliveries", limit, **query)
    show_items(session, items, COLUMNS, key="id")
    if not items:
        session.note("nothing was told\n  try: pangea rule test JOB")


@command.command("show")
@click.argument("id_", metavar="ID")
@click.pass_obj
def show(session: Session, id_: str) -> None:
    """Print one with each attempt."""
    item = session.client().get(path_of("deliveries", id_))
    show_one(session, item, lambda style: _card(style, item), name=id_)


@command.command("retry")
@click.argument("id_", metavar="ID")
@click.pass_obj
def retry(session: Session, id_: str) -> None:
    """Try at once what waits, or was given up."""
    item = session.client().post(path_of("deliveries", id_, "retry"))
    show_one(session, item, lambda style: [f"{id_} is tried again"], name=id_)


def _card(style: Style, item: dict[str, Any]) -> list[str]:
    rows = [
        ("id", item["id"]),
        ("state", item["state"]),
        ("what", f"{_drill(item)}{item['kind']} {item['title']}"),
        ("reason", item["reason"]),
        ("channel", item["channel"] or "gone"),
        ("rule", f"{item['rule']} ({item['step']})"),
        ("incident", item["incident"]),
        ("message", item["message"]),
        ("sent", item["sent_at"]),
        ("next try", item["next_try_at"]),
    ]
    lines = pairs(style, rows)
    for one in item["attempts"]:
        said = f"{one['at'][:23]}Z  {one['outcome']:8} {one['took_ms']:8.1f} ms  "
        lines.append(style.plain(said + one["answer"]))
    return lines
