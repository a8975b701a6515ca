"""`pangea rule`: who is told of what, and when."""

from typing import Any

import click

from pangea.core.durations import format_duration, parse_duration
from pangea.core.errors import UsageError
from pangea.core.escalation import parse_escalations

from .client import path_of
from .given import table_of
from .group import Group, repeated
from .output import Column, joined, pairs, show_items, show_one
from .session import Session
from .table import Style

EVERYBODY = "all channels"


def _about(item: dict[str, Any]) -> str:
    """Return what a rule is about, in few words."""
    parts = [",".join(item["kinds"]) or "everything"]
    if item["severity"] != "info":
        parts.append(f"from {item['severity']} on")
    parts += [",".join(item["jobs"]), joined(item["labels"])]
    parts += [f"in {','.join(item['regions'])}" if item["regions"] else ""]
    if item["older_s"]:
        parts.append(f"lasting {format_duration(item['older_s'])}")
    if item["hours"]:
        parts.append(f"{item['hours']} {item['zone']}")
    return " ".join(part for part in parts if part)


def _steps(item: dict[str, Any]) -> str:
    """Return who is told, and who after them."""
    first = ",".join(item["channels"]) or EVERYBODY
    later = [
        f"after {format_duration(step['after_s'])} {','.join(step['channels'])}"
        for step in item["escalations"]
    ]
    return "; ".join([first, *later])


def _reminders(item: dict[str, Any]) -> str:
    if not item["remind_s"]:
        return "never"
    after = format_duration(item["remind_s"])
    return f"after {after}, each time {item['factor']:g} times later"


COLUMNS = [
    Column("name", lambda item: item["name"]),
    Column("on", lambda item: "yes" if item["enabled"] else "no"),
    Column("about", _about),
    Column("tells", _steps),
    Column("reminds", _reminders, wide=True),
    Column("when over", lambda item: "yes" if item["recovered"] else "no", wide=True),
]


@click.group("rule", cls=Group, no_args_is_help=True)
def command() -> None:
    """Alert rules: who is told of what, when, and who if nobody takes care.

    The rule `default` tells all channels of what needs a person.
    """


def options(wanted: Any) -> Any:
    """Add what a rule is made of to a command."""
    for option in (
        click.option("--hours", metavar="WEEK", help="Only mon-fri@08:00-18:00."),
        click.option("--zone", metavar="ZONE", help="By the clocks of Europe/Paris."),
        click.option("--after", "older", metavar="5m", help="Only what lasts so long."),
        repeated("--to", "channels", metavar="CHANNEL", help="Tell it; else all."),
        repeated(
            "--escalate",
            "escalate",
            metavar="15m=CH",
            help="Tell CH,CH2 too if nobody has acknowledged it so long after.",
        ),
        click.option("--remind", metavar="1h", help="Tell again after that; 0: never."),
        click.option("--factor", type=float, help="Each reminder so much later (2)."),
        click.option(
            "--recovered/--no-recovered", default=None, help="Tell when it is over."
        ),
        click.option("--enable/--disable", "enabled", default=None, help="Use it."),
        repeated("--region", "regions", metavar="R", help="Seen from there."),
        repeated("--label", "labels", metavar="K=V", help="Jobs with these labels."),
        repeated("--job", "jobs", metavar="PATTERN", help="Jobs such as 'web-*'."),
        click.option(
            "--severity",
            type=click.Choice(["info", "warning", "critical"]),
            help="The least.",
        ),
        repeated("--kind", "kinds", metavar="KIND", help="down, certificate, … (all)."),
    ):
        wanted = option(wanted)
    return wanted


@command.command("add")
@click.argument("name")
@options
@click.pass_obj
def add(session: Session, /, name: str, **given: Any) -> None:
    """Add the rule NAME; it looks at what is wrong already.

    \b
    pangea rule add team-db --job 'db-*' --to db-chat --escalate 15m=oncall
    pangea rule add nights --severity critical --hours @22:00-06:00 --to pager
    """
    rule = session.client().post("rules", {"name": name, **_spec(given)})
    show_one(session, rule, lambda style: _card(style, rule))


@command.command("list")
@click.pass_obj
def list_(session: Session) -> None:
    """List the rules, the oldest first."""
    items = session.client().items("rules")
    show_items(session, items, COLUMNS)
    if not items:
        session.note("nobody is told of anything\n  try: pangea rule add --help")


@command.command("show")
@click.argument("name")
@click.pass_obj
def show(session: Session, name: str) -> None:
    """Print all of a rule."""
    rule = session.client().get(path_of("rules", name))
    show_one(session, rule, lambda style: _card(style, rule))


@command.command("edit")
@click.argument("name")
@click.option("--name", "new_name", metavar="NEW", help="Call it so.")
@options
@click.pass_obj
def edit(session: Session, /, name: str, new_name: str | None, **given: Any) -> None:
    """Change a rule: what is given replaces what was there, '' empties it."""
    patch = _spec(given) | ({"name": new_name} if new_name else {})
    if not patch:
        raise UsageError("nothing to change", hint="see: pangea rule edit --help")
    rule = session.client().patch(path_of("rules", name), patch)
    show_one(session, rule, lambda style: _card(style, rule))


@command.command("remove")
@click.argument("name")
@click.pass_obj
def remove(session: Session, name: str) -> None:
    """Remove a rule: it begins nothing more, and ends what it began."""
    session.client().delete(path_of("rules", name))
    session.note(f"removed {name}")


@command.command("test")
@click.argument("job")
@click.option("--kind", default="down", metavar="KIND", help="An alert of that kind.")
@click.pass_obj
def test(session: Session, job: str, kind: str) -> int:
    """Say who would be told if JOB were down now; nothing is sent.

    The exit code is 0 if anybody would be.
    """
    path = path_of("jobs", job, "alerts")
    items = session.client().items(path, kind=kind)
    columns = [
        Column("rule", lambda item: item["rule"]),
        Column("tells", _would),
    ]
    show_items(session, items, columns, key="rule")
    if any(item["tells"] for item in items):
        return 0
    session.note(f"nobody would be told that {job} is {kind}")
    return 1


def _would(item: dict[str, Any]) -> str:
    if not item["tells"]:
        return f"nobody: {item['why_not']}"
    said = [
        ("at once " if not step["after_s"] else f"{_after(step)} ")
        + (", ".join(step["channels"]) or "nobody")
        for step in item["steps"]
    ]
    again = item["remind_s"]
    reminds = [f"again every {format_duration(again)} or later"] if again else []
    return "; ".join([*said, *reminds])


def _after(step: dict[str, Any]) -> str:
    return f"after {format_duration(step['after_s'])}"


def _spec(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options as the fields that the API takes."""
    fields: dict[str, Any] = {
        "severity": given["severity"],
        "hours": given["hours"],
        "zone": given["zone"],
        "factor": given["factor"],
        "recovered": given["recovered"],
        "enabled": given["enabled"],
    }
    for name in ("kinds", "jobs", "regions", "channels"):
        if given[name]:
            fields[name] = [text for text in given[name] if text]
    if given["labels"]:
        fields["labels"] = table_of("--label", tuple(t for t in given["labels"] if t))
    if given["escalate"]:
        fields["escalations"] = [
            {"after_s": after_s, "channels": channels}
            for text in given["escalate"]
            for after_s, channels in parse_escalations(text)
        ]
    for name, option in (("older_s", "older"), ("remind_s", "remind")):
        if given[option] is not None:
            fields[name] = float(parse_duration(given[option]))
    return {name: value for name, value in fields.items() if value is not None}


def _card(style: Style, rule: dict[str, Any]) -> list[str]:
    rows = [
        ("name", rule["name"] + ("" if rule["enabled"] else " (disabled)")),
        ("about", _about(rule)),
        ("tells", _steps(rule)),
        ("reminds", _reminders(rule)),
        ("when over", "tells" if rule["recovered"] else "says nothing"),
    ]
    return pairs(style, rows)
