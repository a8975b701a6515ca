"""`pangea config`: is the configuration right, and what does it come to?"""

from pathlib import Path
from typing import Any

import click

from pangea.core.errors import ConfigError

from .complain import complain
from .group import Group
from .output import Column, show_items, show_one, to_json
from .session import Session, config_files
from .table import Style


@click.group("config", cls=Group, no_args_is_help=True)
def command() -> None:
    """Check and show the configuration."""


@command.command("check")
@click.argument("file", required=False, metavar="[FILE]")
@click.pass_obj
def check(session: Session, file: str | None) -> int:
    """Say whether FILE (else all files in use) is right, and all that is wrong."""
    from .settings import file_faults, resolve

    named = file or session.config
    paths = [Path(named)] if named else [p for p in config_files() if p.is_file()]
    found = [fault for path in paths for fault in file_faults(path)]
    for fault in found:
        complain(str(fault), fault.hint)
    if found:
        return ConfigError.exit_code
    if not file:
        resolve(session)
    for path in paths:
        print(f"{path}: ok")
    if not paths:
        print("ok")
        session.note("there is no file; the defaults hold")
    return 0


@command.command("show")
@click.option("--sources", is_flag=True, help="Tell where each value is from.")
@click.pass_obj
def show(session: Session, sources: bool) -> None:
    """Print the configuration that a node started here would have."""
    from .settings import resolve

    rows = resolve(session).rows()
    if sources:
        items = [{"key": k, "value": v, "source": s} for k, v, s in rows]
        columns = [
            Column("key", lambda i: i["key"]),
            Column("value", lambda i: _toml(i["value"])),
            Column("source", lambda i: i["source"]),
        ]
        show_items(session, items, columns, key="key")
        return
    from pangea.core.layers import unflatten

    tables = unflatten({key: value for key, value, _ in rows})
    show_one(session, tables, lambda style: _as_toml(style, rows))


def _as_toml(style: Style, rows: list[tuple[str, Any, str]]) -> list[str]:
    """Return the values as a file that says the same; what is not set is left out."""
    lines: list[str] = []
    table = ""
    for key, value, _ in rows:
        head, _, rest = key.partition(".")
        if head != table:
            lines += ["", f"[{head}]"] if table else [f"[{head}]"]
            table = head
        if value is not None:
            lines.append(f"{rest} = {_toml(value)}")
    return lines


def _toml(value: Any) -> str:
    return "" if value is None else to_json(value, indent=None)
