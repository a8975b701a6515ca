"""`pangea worker dial`: reach a worker that may not open connections to us."""

from urllib.parse import quote

import click

from .group import Command
from .output import show_one
from .session import Session


@click.command("dial", cls=Command)
@click.argument("address", metavar="ADDR")
@click.option("--forget", is_flag=True, help="Dial it no more; a link stays.")
@click.pass_obj
def dial(session: Session, address: str, forget: bool) -> None:
    """Let the coordinator dial the worker at ADDR, now and whenever it is away.

    For a worker that may open no connection to the coordinator, and was started with
    --listen. It is let in by the same rules as any other.
    """
    client = session.client()
    if forget:
        client.delete(f"worker-dials/{quote(address, safe='')}")
        session.note(f"{address} is dialled no more")
        return
    made = client.post("workers/dial", {"address": address})
    words = f"dialled {made['address']}: {made['worker']} ({made['id']})"
    show_one(session, made, lambda style: [style.plain(words)], name=made["worker"])
    if made["state"] == "pending":
        session.note(f"it waits for approval: pangea worker approve {made['id']}")
