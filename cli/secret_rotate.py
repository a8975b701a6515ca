"""`pangea secret rotate`: from one cluster secret to the next, while all runs."""

from typing import Any

import click

from .group import Group
from .output import ago, pairs, show_one
from .session import Session
from .table import Style

NEXT = {
    "none": "",
    "started": "go on, when you like: pangea secret rotate use",
    "used": "when nobody is missing: pangea secret rotate finish",
}


@click.group("rotate", cls=Group, no_args_is_help=True)
def rotate() -> None:
    """Replace the secret of the cluster in three steps: start, use, finish."""


@rotate.command("start")
@click.pass_obj
def start(session: Session) -> None:
    """Make the next secret and bring it to the approved workers.

    From now on all take both; everybody still dials with the current one.
    """
    _tell(session, session.client().post("secrets/start"))


@rotate.command("use")
@click.pass_obj
def use(session: Session) -> None:
    """Dial with the next secret from now on; the old one still opens."""
    _tell(session, session.client().post("secrets/use"))


@rotate.command("finish")
@click.option("--force", is_flag=True, help="Leave the stragglers behind.")
@click.option("--within", metavar="DURATION", help="Wait for them, so long at most.")
@click.pass_obj
def finish(session: Session, force: bool, within: str | None) -> None:
    """Drop the old secret; refused while a worker was not seen on the new one.

    A worker that is left behind joins again with the new secret or a join token.
    """
    from pangea.core.durations import parse_duration

    body: dict[str, Any] = {"force": force}
    if within is not None:
        body["within_s"] = parse_duration(within)
    _tell(session, session.client().post("secrets/finish", body))


@rotate.command("status")
@click.pass_obj
def status(session: Session) -> None:
    """Print the ids of the valid secrets, and who lacks the current one."""
    _tell(session, session.client().get("secrets"))


def _tell(session: Session, answer: dict[str, Any]) -> None:
    show_one(
        session,
        answer,
        lambda style: _card(style, answer),
        name=answer["secrets"][0]["id"],
    )
    if NEXT.get(answer["stage"]):
        session.note(NEXT[answer["stage"]])


def _card(style: Style, answer: dict[str, Any]) -> list[str]:
    facts: list[tuple[str, Any]] = [
        (secret["state"], f"{secret['id']}  made {ago(secret['created'])}")
        for secret in answer["secrets"]
    ]
    holders = {holder["worker"]: holder for holder in answer["workers"]}
    on_it = len(holders) - len(answer["stragglers"])
    facts.append(("workers", f"{on_it} of {len(holders)} on the current secret"))
    facts += [("missing", _missing(holders[name])) for name in answer["stragglers"]]
    if answer["deadline"]:
        facts.append(("the old goes", f"at the latest at {answer['deadline']}"))
    return pairs(style, facts)


def _missing(holder: dict[str, Any]) -> str:
    link = "linked" if holder["connected"] else f"seen {ago(holder['last_seen'])}"
    return f"{holder['worker']}, {link}, on {holder['secret'] or 'an unknown secret'}"
