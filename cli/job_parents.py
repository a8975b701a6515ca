"""`pangea job parents`: what jobs may depend on, as traceroutes suggest it."""

import click

from pangea.core.errors import UsageError

from .group import Command, repeated
from .output import Column, show_items
from .session import Session

COLUMNS = [
    Column("job", lambda item: item["child"]),
    Column("needs", lambda item: item["parent"]),
    Column("router", lambda item: item["address"]),
    Column("shared by", lambda item: item["shared"]),
]


@click.command("parents", cls=Command)
@repeated("--accept", metavar="CHILD=PARENT", help="Let CHILD depend on PARENT.")
@click.pass_obj
def parents(session: Session, accept: tuple[str, ...]) -> None:
    """Propose parents: routers that the ways to several targets share.

    Jobs of type traceroute say which routers are passed; one that is itself the
    target of an icmp job may be a parent. Nothing changes until it is accepted.
    """
    client = session.client()
    for text in accept:
        child, sep, parent = text.partition("=")
        if not (sep and child and parent):
            raise UsageError(f"--accept: wanted CHILD=PARENT, got {text!r}")
        client.post("dependencies", {"child": child, "parent": parent})
        session.note(f"{child} depends on {parent}")
    if accept:
        return
    items = client.items("dependencies/proposed")
    show_items(session, items, COLUMNS, key="child")
    if items:
        first = items[0]
        session.note(
            f"accept: pangea job parents --accept {first['child']}={first['parent']}"
        )
    else:
        session.note(
            "nothing to propose: it takes traceroute jobs to two targets or more, and "
            "an icmp job to a router that both ways pass"
        )
