"""`pangea worker`: the vantage points and how they are."""

from typing import Any

import click

from pangea.core.durations import clock_words
from pangea.core.errors import NotFound
from pangea.core.text import safe_text

from .client import Client, path_of
from .group import Group
from .output import Column, ago, joined, milliseconds, pairs, show_items, show_one
from .session import Session
from .standing import ends, link, standing
from .table import Style
from .worker_admission import COMMANDS, called

#: So many workers are told of below the list, each with what to type.
NOTES = 10
COLUMNS = [
    Column("link", link, mark=True),
    Column("name", lambda worker: worker.get("name", "")),
    Column("region", lambda worker: worker.get("region") or "-"),
    Column("state", standing),
    Column("jobs", lambda worker: worker.get("jobs", "")),
    Column("rtt", lambda worker: milliseconds(worker.get("rtt_ms"))),
    Column("seen", lambda worker: ago(worker.get("last_seen"))),
    Column("health", lambda worker: worker.get("health", "")),
    Column("id", lambda worker: worker.get("id", ""), wide=True),
    Column("path", lambda worker: worker.get("path") or "-", wide=True),
    Column("dialled", lambda worker: worker.get("dialled") or "-", wide=True),
    Column("peers", lambda worker: peers(worker), wide=True),
    Column(
        "peer rtt", lambda worker: milliseconds(worker.get("peer_rtt_ms")), wide=True
    ),
    Column("clock", lambda worker: clock(worker), wide=True),
    Column("lag", lambda worker: milliseconds(worker.get("lag_ms")), wide=True),
    Column("spool", lambda worker: worker.get("spool", ""), wide=True),
    Column("tags", lambda worker: joined(worker.get("tags")), wide=True),
    Column("version", lambda worker: worker.get("version", ""), wide=True),
]


def clock(worker: dict[str, Any], whose: str = "") -> str:
    """Return how a worker's clock goes against that of the coordinator."""
    by = worker.get("offset_ms")
    if isinstance(by, bool) or not isinstance(by, (int, float)):
        return "-"
    # What the API tells is what to add to its clock.
    return clock_words(-by / 1000, whose)


def clock_told(worker: dict[str, Any]) -> str:
    """Return ``clock`` as a sentence, and how sure that is."""
    told, error = clock(worker, "the coordinator"), worker.get("offset_error_ms")
    return told if error is None else f"{told}, ± {milliseconds(error)}"


def peers(worker: dict[str, Any]) -> str:
    """Return how many links to peers stand, of how many."""
    wanted = worker.get("peers") or 0
    return f"{worker.get('peers_linked', 0)}/{wanted}" if wanted else "-"


@click.group("worker", cls=Group, no_args_is_help=True)
def command() -> None:
    """List the workers, and decide who may probe for you."""


for _each in COMMANDS:
    command.add_command(_each)


@command.command("list")
@click.pass_obj
def list_(session: Session) -> None:
    """List all workers."""
    client = session.client()
    workers = client.items("workers")
    show_items(session, workers, COLUMNS)
    if not workers:
        status = client.get("status")
        lines = ["there are no workers; to add one, here and on its machine:"]
        lines += [safe_text(line, 1000) for line in status["join"]]
        session.note("\n  ".join(lines))
        if status.get("only_here"):
            session.note("other machines cannot reach it: it listens on loopback alone")
    found = [told for worker in workers for told in ends(worker)]
    for what, command in found[:NOTES]:
        session.note(f"{what}\n  {command}")
    if len(found) > NOTES:
        session.note(f"and {len(found) - NOTES} more, see STATE")


@command.command("show")
@click.argument("name", metavar="ID|NAME")
@click.pass_obj
def show(session: Session, name: str) -> None:
    """Show one worker."""
    client = session.client()
    worker = client.get(path_of("workers", called(name)))

    def lines(style: Style) -> list[str]:
        card = _card(style, worker, _lost(client, worker))
        return [session.again(line) for line in card]

    show_one(session, worker, lines)


def _lost(client: Client, worker: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the latest gap, if there is one, and if the coordinator tells of it."""
    try:
        found = client.get(path_of("workers", worker["id"], "gaps"), limit=1)
    except NotFound:
        return []
    items: list[dict[str, Any]] = found["items"]
    return items


def _out(worker: dict[str, Any]) -> str:
    """Return who revoked a worker, and how long ago."""
    by, at = worker.get("revoked_by", ""), worker.get("revoked_at")
    return f"{by}, {ago(at)}" if by and at else by


def _told(gap: dict[str, Any]) -> str:
    """Return what a worker lost, when, and why."""
    jobs = ", ".join(f"{count} of {job}" for job, count in gap["jobs"].items())
    until = gap["to"] or "a time that nobody knows"
    since = f"{gap['from']} to " if gap["from"] else "until "
    told = f"{gap['lost']} results, {since}{until}: {gap['reason']}"
    return f"{told} ({jobs})" if jobs else told


def _notes(worker: dict[str, Any]) -> list[str]:
    """Return what the coordinator says of a worker, and what ends its state."""
    told = [str(notice) for notice in worker.get("notices", ())]
    said = " ".join(told)
    more = [
        f"{what}; {how}"
        for what, how in ends(worker)
        if how.partition(": ")[2] not in said
    ]
    return told + more


def _checks(worker: dict[str, Any]) -> list[str]:
    """Return what a worker found about itself, what is wrong with it first."""
    checks = worker.get("self_test") or []
    told = [
        f"{'good' if check['good'] else 'BAD '}  {check['name']}"
        + (f": {check['detail']}" if check["detail"] else "")
        + (f" ({milliseconds(check['took_ms'])})" if check["took_ms"] else "")
        for check in sorted(checks, key=lambda check: bool(check["good"]))
    ]
    return [safe_text(line, 400) for line in told]


def _card(
    style: Style, worker: dict[str, Any], gaps: list[dict[str, Any]]
) -> list[str]:
    position = worker["position"] or ()
    facts = [
        ("id", worker["id"]),
        ("state", standing(worker)),
        ("health", worker["health"]),
        ("let in by", worker.get("approved_by", "")),
        ("shut out by", _out(worker)),
        ("because", worker.get("revoked_reason", "")),
        *(("note", note) for note in _notes(worker)),
        ("region", worker["region"]),
        ("location", ",".join(f"{part:g}" for part in position)),
        ("tags", joined(worker["tags"])),
        ("version", worker["version"]),
        ("jobs", worker["jobs"]),
        ("path", worker.get("path") or ""),
        ("dialled at", worker.get("dialled") or ""),
        ("seen", ago(worker["last_seen"])),
        ("rtt", milliseconds(worker["rtt_ms"])),
        ("clock", clock_told(worker)),
        ("lag", milliseconds(worker["lag_ms"])),
        ("spooled", worker["spool"]),
        *(("self-test", told) for told in _checks(worker)),
        *(("lost last", _told(gap)) for gap in gaps),
        *((f"no {what}", why) for what, why in worker["lacks"].items()),
    ]
    head = f"{style.marked(link(worker))}  {style.plain(worker['name'])}"
    return [head, *pairs(style, facts)]
