"""`pangea worker token`: what lets one worker in, once."""

from typing import Any
from urllib.parse import quote

import click

from pangea.core.durations import parse_duration
from pangea.core.errors import UsageError
from pangea.core.text import safe_text

from .group import Command
from .output import Column, ago, show_items, show_one
from .session import Session

COLUMNS = [
    Column("id", lambda token: token.get("id", "")),
    Column("state", lambda token: token.get("state", "")),
    Column("used by", lambda token: _user(token)),
    Column("made", lambda token: ago(token.get("created_at"))),
    Column("by", lambda token: token.get("created_by", "")),
    Column("expires", lambda token: token.get("expires_at", "")),
    Column("approves", lambda token: "yes" if token.get("approve") else "no"),
    Column("site", lambda token: token.get("site") or "-", wide=True),
    Column("used", lambda token: ago(token.get("used_at")), wide=True),
]


@click.command("token", cls=Command)
@click.option("--expires", metavar="TIME", help="How long it lives (1h).")
@click.option("--approve", is_flag=True, help="Approve who joins by it at once.")
@click.option("--site", default="", metavar="R", help="Region of who says none.")
@click.option("--list", "listed", is_flag=True, help="Show those that were made.")
@click.option("--withdraw", default="", metavar="ID", help="Close one that is open.")
@click.pass_obj
def token(
    session: Session,
    expires: str | None,
    approve: bool,
    site: str,
    listed: bool,
    withdraw: str,
) -> None:
    """Make a token by which one worker may join, once.

    It names this coordinator, so the worker trusts no other, and brings the cluster's
    secret with it. Keep it secret until it is used.
    """
    made = bool(expires or approve or site)
    if made + listed + bool(withdraw) > 1:
        raise UsageError("--list and --withdraw stand alone; they make no token")
    if listed:
        found = session.client().items("worker-tokens")
        show_items(session, found, COLUMNS, key="id")
    elif withdraw:
        session.client().delete(f"worker-tokens/{quote(withdraw, safe='')}")
        session.note(f"withdrawn: {withdraw}")
    else:
        _make(session, expires or "1h", {"approve": approve, "site": site})


def _make(session: Session, expires: str, wishes: dict[str, Any]) -> None:
    try:
        expires_s = float(parse_duration(expires))
    except UsageError as error:
        raise UsageError(f"--expires: {error}", hint=error.hint) from error
    body = {"expires_s": expires_s} | wishes
    made = session.client().post("worker-tokens", body)
    show_one(session, made, lambda style: [made["token"]], name=made["token"])
    session.note("on the worker's machine, once:")
    session.note(f"  {made['command']}")
    if made.get("note"):
        session.note(f"note: {safe_text(made['note'], 300)}")


def _user(token: dict[str, Any]) -> str:
    return token.get("worker") or token.get("used_by") or "-"
