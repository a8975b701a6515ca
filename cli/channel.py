"""`pangea channel`: add, list, try, change and remove the ways to reach people."""

import sys
from typing import Any

import click

from pangea.core.durations import format_duration
from pangea.core.errors import UsageError
from pangea.core.text import safe_text

from .client import path_of
from .given import options_of
from .group import Group
from .output import Column, pairs, show_items, show_one
from .session import Session
from .table import Style

SET_HELP = (
    "An option of its type; repeatable. OPTION=@FILE reads the value from a file, "
    "OPTION alone from the environment: PANGEA_SET_OPTION."
)
PER_MINUTE_HELP = "Messages a minute at most (30); 0 is no limit."


def _state(item: dict[str, Any]) -> str:
    """Return how a channel is, in a word."""
    if item.get("trouble"):
        return "trouble"
    return "on" if item.get("enabled") else "off"


def _users(item: dict[str, Any]) -> str:
    """Return the rules that tell a channel, by its name or because they tell all."""
    by_all = ", ".join(item.get("used_as_all") or [])
    return ", ".join(
        [*(item.get("used_by") or []), *[f"all ({by_all})"] * bool(by_all)]
    )


COLUMNS = [
    Column("name", lambda item: item.get("name", "")),
    Column("type", lambda item: item.get("type", "")),
    Column("to", lambda item: item.get("place", "")),
    Column("state", _state),
    Column("used by", lambda item: _users(item) or "-"),
    Column("per minute", lambda item: item.get("per_minute", ""), wide=True),
    Column("trouble", lambda item: item.get("trouble") or "-", wide=True),
]
TYPE_COLUMNS = [
    Column("type", lambda item: item.get("name", "")),
    Column("reaches", lambda item: item.get("does", "")),
    Column("needs", lambda item: _needs(item)),
    Column("takes", lambda item: _takes(item), wide=True),
]


@click.group("channel", cls=Group, no_args_is_help=True)
def command() -> None:
    """Add, list, try, change and remove the ways to reach people."""


@command.command("add")
@click.argument("type_", metavar="TYPE")
@click.argument("name")
@click.option("--set", "options", multiple=True, metavar="K=V", help=SET_HELP)
@click.option("--per-minute", type=int, metavar="N", help=PER_MINUTE_HELP)
@click.option("--disabled", is_flag=True, help="Send nothing over it yet.")
@click.pass_obj
def add(
    session: Session,
    type_: str,
    name: str,
    options: tuple[str, ...],
    per_minute: int | None,
    disabled: bool,
) -> None:
    """Add the channel NAME of TYPE; `pangea channel types` prints what there is.

    \b
    pangea channel add email ops --set to=ops@example.com
    pangea channel add slack ops-chat --set url=@slack-url.txt
    pangea channel add ntfy phone --set topic=@topic.txt
    """
    spec: dict[str, Any] = {
        "name": name,
        "type": type_,
        "options": options_of(options),
        "enabled": not disabled,
    }
    if per_minute is not None:
        spec["per_minute"] = per_minute
    channel = session.client().post("channels", spec)
    show_one(session, channel, lambda style: card(style, channel))
    test = f"pangea channel test {safe_text(channel['name'], 63)}"
    session.note(f"next: {test}")


@command.command("list")
@click.pass_obj
def list_(session: Session) -> None:
    """List all channels; what is secret in them is masked."""
    items = session.client().items("channels")
    show_items(session, items, COLUMNS)
    if not items:
        session.note("there are no channels yet\n  try: pangea channel types")
    for item in [item for item in items if item.get("trouble")][:10]:
        told = safe_text(item["trouble"], 300)
        session.note(f"{safe_text(item['name'], 63)}: {told}")


@command.command("show")
@click.argument("name")
@click.pass_obj
def show(session: Session, name: str) -> None:
    """Show the channel NAME; what is secret in it is masked."""
    channel = session.client().get(path_of("channels", name))
    show_one(session, channel, lambda style: card(style, channel))


@command.command("test")
@click.argument("name")
@click.pass_obj
def test(session: Session, name: str) -> int:
    """Send a message over NAME now that says that it is a test.

    It prints what was answered; the exit code is 0 if the message was taken.
    """
    said = session.client().post(path_of("channels", name, "test"))
    show_one(session, said, lambda style: [style.plain(line) for line in _told(said)])
    if said.get("hint"):
        session.note(safe_text(said["hint"], 300))
    return 0 if said.get("outcome") == "sent" else 1


@command.command("edit")
@click.argument("old", metavar="NAME")
@click.option("--name", metavar="N", help="Call it by another name.")
@click.option("--set", "options", multiple=True, metavar="K=V", help=SET_HELP)
@click.option("--per-minute", type=int, metavar="N", help=PER_MINUTE_HELP)
@click.option("--enable/--disable", default=None, help="Send over it again, or not.")
@click.pass_obj
def edit(
    session: Session,
    old: str,
    name: str | None,
    options: tuple[str, ...],
    per_minute: int | None,
    enable: bool | None,
) -> None:
    """Change the channel NAME; --set OPTION= takes an option away.

    What is not given stays, secrets too.
    """
    given = {
        "name": name,
        "options": options_of(options, removing=True) or None,
        "per_minute": per_minute,
        "enabled": enable,
    }
    patch = {key: value for key, value in given.items() if value is not None}
    if not patch:
        raise UsageError("nothing to change", hint="pangea channel edit --help")
    channel = session.client().patch(path_of("channels", old), patch)
    show_one(session, channel, lambda style: card(style, channel))


@command.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(session: Session, name: str, yes: bool) -> int:
    """Remove the channel NAME, which no rule may use any more."""
    client, path = session.client(), path_of("channels", name)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                f"removing {name!r} takes its secrets too, and nobody can be asked",
                hint=f"pangea channel remove {name} --yes",
            )
        client.get(path)
        if not click.confirm(f"Remove {name!r} and its secrets?", err=True):
            return 1
    client.delete(path)
    session.note(f"removed {safe_text(name, 63)}")
    return 0


@command.command("types")
@click.argument("type_", metavar="[TYPE]", required=False)
@click.pass_obj
def types(session: Session, type_: str | None) -> None:
    """List what channels may be, or the options of one TYPE."""
    items = session.client().items("channel-types")
    if type_ is None:
        items.sort(key=lambda item: str(item.get("name")))
        show_items(session, items, TYPE_COLUMNS, key="name")
        session.note("more of one: pangea channel types TYPE, and docs/channels.md")
        return
    found = [item for item in items if item.get("name") == type_]
    if not found:
        raise UsageError(
            f"there is no type {safe_text(type_, 40)!r}", hint="pangea channel types"
        )
    show_one(session, found[0], lambda style: _options(style, found[0]), name=type_)


def card(style: Style, channel: dict[str, Any]) -> list[str]:
    """Return the lines that describe a channel."""
    rows = [
        ("name", channel.get("name")),
        ("type", channel.get("type")),
        ("to", channel.get("place")),
        ("state", _state(channel)),
        ("trouble", channel.get("trouble")),
        ("used by", _users(channel)),
        ("per minute", channel.get("per_minute") or "no limit"),
    ]
    return pairs(style, [*rows, *_flat("  ", channel.get("options") or {})])


def _flat(before: str, options: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return options as rows, with ``headers.NAME`` as it is given."""
    rows: list[tuple[str, Any]] = []
    for key, value in sorted(options.items()):
        if isinstance(value, dict):
            rows += _flat(f"{before}{key}.", value)
        else:
            rows.append((before + key, value))
    return rows


def _told(said: dict[str, Any]) -> list[str]:
    """Return how a test went, in words."""
    name, took = said.get("channel", ""), said.get("took_ms") or 0
    answer = safe_text(said.get("answer", ""), 500)
    if said.get("outcome") == "sent":
        return [f"{name} took it in {took:.0f} ms: {answer}"]
    if said.get("outcome") == "refused":
        return [f"{name} refused it for good: {answer}"]
    wait = said.get("retry_after_s")
    later = f", again in {format_duration(round(wait))}" if wait else ""
    return [f"{name} did not take it now{later}: {answer}"]


def _needs(item: dict[str, Any]) -> str:
    needed = [o["name"] for o in item.get("options", []) if o.get("default") is None]
    return " ".join(needed) or "-"


def _takes(item: dict[str, Any]) -> str:
    return " ".join(
        o["name"] for o in item.get("options", []) if o.get("default") is not None
    )


def _options(style: Style, item: dict[str, Any]) -> list[str]:
    rows = []
    for one in item.get("options", []):
        default = one.get("default")
        said = "needed" if default is None else f"default {default or 'none'}"
        rows.append((one["name"], said + (", secret" if one.get("secret") else "")))
    return [style.plain(str(item.get("does", ""))), *pairs(style, rows)]
