"""`pangea selftest`: is every part of this program there, and does it work here?"""

import asyncio
from typing import Any

import click
import msgspec
import uvloop

from .group import Command
from .output import show_items
from .session import Session
from .settings import resolve
from .table import Style

MARK = 11


@click.command("selftest", cls=Command)
@click.pass_obj
def command(session: Session) -> int:
    """Use every part of this program once, against servers of its own.

    All of it happens on loopback and in a temporary directory, except for zeroconf,
    which is left out where discovery is static (PANGEA_DISCOVERY=static). Exit 1 if
    something does not work.
    """
    config = resolve(session, {}).config
    live = session.form in ("table", "wide")
    rows = _run(session, multicast="mdns" in config.mesh.discovery, live=live)
    if not live:
        show_items(session, rows, (), key="check")
    failed = [row["check"] for row in rows if row["level"] == "fail"]
    session.note(
        f"{len(rows)} checks, {len(failed)} failed"
        + (f": {', '.join(failed)}" if failed else "")
    )
    return 1 if failed else 0


def _run(session: Session, *, multicast: bool, live: bool) -> list[dict[str, Any]]:
    from pangea.selftest.run import selftest

    style, rows = Style(no_color=session.no_color), list[dict[str, Any]]()

    async def all_checks() -> None:
        async for found in selftest(multicast=multicast):
            row = msgspec.to_builtins(found)
            rows.append(row)
            if live:
                print(_line(style, row), flush=True)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(all_checks())
    return rows


def _line(style: Style, row: dict[str, Any]) -> str:
    mark = style.marked(row["level"])
    pad = " " * (MARK - len(style.mark(row["level"])))
    took = f"{row['took_ms']:9.1f} ms"
    return style.plain(f"{mark}{pad}{row['check']:<24}{took}  {row['found']}")
