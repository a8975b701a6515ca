"""`pangea doctor`: why discovery or joining does not work on this machine."""

from typing import Any

import click

from pangea.core.text import safe_text

from .group import Command, global_options
from .output import show_items
from .run import command as run
from .run import flags_of
from .session import Session
from .table import Style

#: What `pangea run` gets; the global options a command adds by itself.
_GLOBAL = {option.name for option in global_options(on_root=False)}
OPTIONS = [option for option in run.params if option.name not in _GLOBAL]
#: The width of the longest mark, and some air.
MARK = 11


@click.command("doctor", cls=Command, params=OPTIONS)
@click.pass_obj
def command(session: Session, /, **given: Any) -> int:
    """Check why a node does not find its coordinator or is not let in.

    Give it the options that `pangea run` gets, as the same user. It changes
    nothing; exit 1 if something must be mended.
    """
    import asyncio
    from pathlib import Path

    import msgspec

    from pangea.doctor.round import examine

    from .settings import resolve

    config = resolve(session, flags_of(given)).config
    state_dir = Path(config.storage.state_dir)
    rows = msgspec.to_builtins(asyncio.run(examine(config, state_dir)))
    if session.form in ("table", "wide"):
        for line in _lines(Style(no_color=session.no_color), rows):
            print(line)
    else:
        show_items(session, rows, (), key="check")
    return 1 if any(row["level"] == "fail" for row in rows) else 0


def _lines(style: Style, rows: list[dict[str, Any]]) -> list[str]:
    """Return one line a row, and below it what to do next, if there is something."""
    lines = []
    for row in rows:
        mark = style.marked(row["level"])
        pad = " " * (MARK - len(style.mark(row["level"])))
        found = safe_text(row["found"], 500)
        lines.append(style.plain(f"{mark}{pad}{safe_text(row['check'], 80)}: {found}"))
        if row["next"]:
            lines.append(style.plain(f"{' ' * MARK}→ {safe_text(row['next'], 500)}"))
    return lines
