"""`pangea secret`: the secret that lets a node into the cluster, and another one."""

import time

import click

from pangea.core.errors import NotFound

from .group import Group
from .output import show_one
from .secret_rotate import rotate
from .session import Session

FILE = "secrets.json"


@click.group("secret", cls=Group, no_args_is_help=True)
def command() -> None:
    """Make, print or rotate the secret of the cluster."""


command.add_command(rotate)


@command.command("new")
@click.pass_obj
def new(session: Session) -> None:
    """Print a fresh secret; nothing is stored.

    Put it into a file and give that to every node with --secret-file.
    """
    from pangea.mesh.secret_ring import SecretRing

    _print(session, SecretRing.fresh(time.time()).current.text)


@command.command("show")
@click.pass_obj
def show(session: Session) -> None:
    """Print the current secret of the node on this machine."""
    from pangea.mesh.secret_ring import load_or_create

    path = session.state_path(FILE) / FILE
    if not path.exists():
        raise NotFound(
            f"there is no secret in {path.parent}",
            hint="name the place with --state-dir; the first start makes a secret",
        )
    _print(session, load_or_create(path).current.text)


def _print(session: Session, text: str) -> None:
    show_one(session, {"secret": text}, lambda style: [text], name=text)
