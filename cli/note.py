"""`pangea note`: say what happened, for whoever looks at the charts later."""

from typing import Any

import click

from pangea.core.errors import UsageError
from pangea.core.text import safe_text

from .group import Command, repeated
from .incident import clock
from .output import Column, joined, show_items, show_one
from .session import Session

COLUMNS = [
    Column("at", lambda note: clock(note.get("at"))),
    Column("text", lambda note: note.get("text", "")),
    Column("labels", lambda note: joined(note.get("labels")) or "-"),
    Column("by", lambda note: note.get("who", "")),
    Column("id", lambda note: note.get("id", ""), wide=True),
    Column("added", lambda note: clock(note.get("added_at")), wide=True),
]


@click.command("note", cls=Command)
@click.argument("text", required=False)
@repeated("--label", "labels", metavar="K=V", help="About jobs with this label.")
@click.option("--at", metavar="TIME", help="When it was: 03:12, 5m (ago).")
@click.option("--since", metavar="24h", help="Without TEXT: not before then.")
@click.pass_obj
def command(
    session: Session,
    text: str | None,
    labels: tuple[str, ...],
    at: str | None,
    since: str | None,
) -> None:
    """Note what happened, such as a deployment; without TEXT list the notes."""
    client, given = session.client(), dict(_label(label) for label in labels)
    if text is None:
        if at is not None or len(given) > 1:
            raise UsageError("a list takes --since, and --label once")
        found = client.items(
            "notes", 1000, since=since, label=labels[0] if labels else None
        )
        show_items(session, found, COLUMNS, key="id")
        return
    if since is not None:
        raise UsageError("--since is for the list: a note has --at")
    body: dict[str, Any] = {"text": text, "labels": given}
    if at is not None:
        body["at"] = at
    note = client.post("notes", body)
    show_one(
        session,
        note,
        lambda style: [style.plain(f"{clock(note['at'])}  {safe_text(text, 300)}")],
        name=str(note["id"]),
    )


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise UsageError(f"--label: {safe_text(text, 60)!r}: write K=V")
    return key, value
