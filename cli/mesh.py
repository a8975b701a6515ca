"""`pangea mesh`: how the workers see each other, each from its own side."""

from typing import Any

import click

from pangea.core.peer_stats import NO_ADDRESS
from pangea.core.text import safe_text

from .group import Command
from .output import Column, ago, milliseconds, show_items
from .session import Session
from .table import Style

COLUMNS = [
    Column("from", lambda pair: pair["from"]),
    Column("to", lambda pair: pair["to"]),
    Column("rtt", lambda pair: milliseconds(pair["rtt_ms"])),
    Column("loss", lambda pair: f"{100 * pair['loss']:.3g} %"),
    Column("path", lambda pair: pair["path"] or "-"),
    Column("seen", lambda pair: ago(pair["at"])),
    Column("one way", lambda pair: pair["reason"] if pair["one_way"] else "-"),
]
#: A name at the head of a column is cut to so much.
HEAD = 15


@click.command("mesh", cls=Command)
@click.pass_obj
def command(session: Session) -> None:
    """Print who sees whom, from (left) to (top), and how well.

    -o wide has a line for each direction, with the path and what is cut.
    """
    pairs = session.client().items("mesh")
    if session.form != "table":
        show_items(session, pairs, COLUMNS, key="from")
    elif pairs:
        style = Style(no_color=session.no_color)
        print("\n".join(_matrix(style, pairs)))
    if not pairs:
        session.note("no worker has told of a peer yet: it takes two, and a minute")
    for pair in pairs:
        if pair["one_way"]:
            ends = (safe_text(pair["from"], 63), safe_text(pair["to"], 63))
            why = safe_text(pair["reason"], 200)
            session.note(f"{ends[0]} → {ends[1]} is cut, the way back is not: {why}")


def _matrix(style: Style, pairs: list[dict[str, Any]]) -> list[str]:
    """Return a row for each worker that tells, a column for each of whom one tells."""
    cells = {(pair["from"], pair["to"]): _cell(pair) for pair in pairs}
    rows, columns = sorted({a for a, _ in cells}), sorted({b for _, b in cells})
    lines = [
        [row, *(cells.get((row, column), "·") for column in columns)] for row in rows
    ]
    heads = [safe_text(name, HEAD) for name in columns]
    return style.table(["from \\ to", *heads], lines)


def _cell(pair: dict[str, Any]) -> str:
    """Return one direction in a few characters: RTT, loss if any, relay, cut."""
    if pair["one_way"]:
        return "CUT"
    path = pair["path"] or ""
    if path.startswith("via "):
        return path
    if pair["rtt_ms"] is None:
        return "does not listen" if pair["reason"] == NO_ADDRESS else "no link"
    loss = f" {100 * pair['loss']:.2g} % lost" if pair["loss"] else ""
    return f"{milliseconds(pair['rtt_ms'])}{loss}"
