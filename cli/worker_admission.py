"""`pangea worker approve`, `revoke` and the like: who may probe for us."""

import re
import sys
from typing import Any

import click

from pangea.core.errors import UsageError
from pangea.core.text import safe_text

from .client import Client, path_of
from .group import Command
from .output import show_one
from .session import Session
from .worker_dial import dial
from .worker_token import token

#: So many jobs are named.
SHOWN = 5
#: Meant as the id of a node, right or not: six groups of letters and digits.
_LIKE_ID = re.compile(r"[0-9a-z]{36}|[0-9a-z]{4,8}([ -][0-9a-z]{4,8}){5}")


def called(text: str) -> str:
    """Return *text*, the id or name of a worker, as the API takes it.

    Raises UsageError for an id with a slip in it.
    """
    typed = text.strip().lower()
    if not _LIKE_ID.fullmatch(typed):
        return text
    from pangea.mesh.identity import parse_node_id

    return parse_node_id(typed)


@click.command("approve", cls=Command)
@click.argument("worker", metavar="ID|NAME")
@click.pass_obj
def approve(session: Session, worker: str) -> None:
    """Let a worker in, and let it have the credentials of its jobs.

    Compare the ID with what the worker prints in its own log.
    """
    _decide(session, worker, "approve", {}, "approved")


@click.command("revoke", cls=Command)
@click.argument("worker", metavar="ID|NAME")
@click.option("--reason", default="", metavar="TEXT", help="Kept with the key.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def revoke(session: Session, worker: str, reason: str, yes: bool) -> int:
    """Shut a worker out at once, and its key for ever.

    It knows the cluster's secret: until that has been rotated, new workers wait for
    approval.
    """
    client = session.client()
    found = client.get(path_of("workers", called(worker)))
    _warn_of_jobs(session, client, found["name"])
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                f"revoking {found['name']!r} is for ever, and nobody can be asked",
                hint=f"pangea worker revoke {worker} --yes",
            )
        told = f"Shut out {found['name']} ({found['id']}) for ever?"
        if not click.confirm(told, err=True):
            return 1
    _decide(session, found["id"], "revoke", {"reason": reason}, "revoked")
    session.note("next: rotate the secret that it knows: pangea secret rotate start")
    return 0


@click.command("rename", cls=Command)
@click.argument("worker", metavar="ID|NAME")
@click.argument("new")
@click.pass_obj
def rename(session: Session, worker: str, new: str) -> None:
    """Call a worker NEW; jobs that name it follow."""
    _decide(session, worker, "rename", {"name": new}, "renamed to")


@click.command("drain", cls=Command)
@click.argument("worker", metavar="ID|NAME")
@click.option("--off", is_flag=True, help="Give it jobs again.")
@click.pass_obj
def drain(session: Session, worker: str, off: bool) -> None:
    """Give a worker no new jobs; those that can run elsewhere move there."""
    words = "gets jobs again:" if off else "draining"
    _decide(session, worker, "drain", {"draining": not off}, words)


@click.command("remove", cls=Command)
@click.argument("worker", metavar="ID|NAME")
@click.pass_obj
def remove(session: Session, worker: str) -> None:
    """Take a worker that is gone from the list; its results stay."""
    client, path = session.client(), path_of("workers", called(worker))
    _warn_of_jobs(session, client, client.get(path)["name"])
    client.delete(path)
    session.note(f"removed {worker}")


def _warn_of_jobs(session: Session, client: Client, name: str) -> None:
    """Say which jobs nobody else probes: with *name* gone nobody does."""
    alone = [
        safe_text(job["name"], 63)
        for job in client.items("jobs")
        if job["enabled"] and _probing(job) == {name}
    ]
    if alone:
        more = f" and {len(alone) - SHOWN} more" if len(alone) > SHOWN else ""
        session.note(
            f"nobody but {safe_text(name, 63)} probes {', '.join(alone[:SHOWN])}{more}"
            "\n  give them others: pangea job edit JOB --on all"
        )


def _probing(job: dict[str, Any]) -> set[str]:
    """Return who probes *job*, or would if it were there."""
    idle = ("stopped", "refused", "absent")
    return {vote["worker"] for vote in job["votes"] if vote["state"] not in idle}


def _decide(
    session: Session, worker: str, verb: str, body: dict[str, Any], done: str
) -> None:
    path = path_of("workers", called(worker), verb)
    answer = session.client().post(path, body or None)
    words = f"{done} {answer['name']} ({answer['id']})"
    show_one(session, answer, lambda style: [style.plain(words)])


COMMANDS = (approve, revoke, rename, drain, remove, token, dial)
