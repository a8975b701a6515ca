"""`pangea version`: of this program and, if it can be reached, the coordinator."""

import platform
from typing import Any

import click

from pangea import __version__
from pangea.core.errors import PangeaError

from .group import Command
from .output import pairs, show_one
from .session import Session


@click.command("version", cls=Command)
@click.pass_obj
def command(session: Session) -> None:
    """Print the version of this client and of the coordinator."""
    found: dict[str, Any] = {
        "client": __version__,
        "python": platform.python_version(),
        "server": None,
    }
    try:
        status = session.client().get("status")
        found["server"] = status.get("version") if isinstance(status, dict) else None
    except PangeaError as error:
        session.detail(f"no version of the coordinator: {error}")
    if found["server"] not in (None, found["client"]):
        session.note("the coordinator has another version than this client")
    show_one(
        session,
        found,
        lambda style: pairs(style, list(found.items())),
        name=__version__,
    )
