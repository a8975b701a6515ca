"""`pangea job explain` and `pangea incident explain`: why, on one screen."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from pangea.core.durations import format_duration, milliseconds
from pangea.core.text import safe_text

from .client import path_of
from .group import Command
from .output import show_one
from .probe_view import screen_width, wrapped
from .session import Session
from .table import Style

#: Names of what is told stand in so many columns.
NAME = 10
#: What a finding tells, in this order: name in the answer, name for people.
FOUND = (
    ("outcome", "outcome"),
    ("detail", "why"),
    ("refused", "not asked"),
    ("address", "address"),
    ("status", "status"),
    ("final_url", "url"),
    ("answers", "answers"),
    ("resolver", "asked"),
)


@click.command("explain", cls=Command)
@click.argument("name")
@click.pass_obj
def job(session: Session, name: str) -> None:
    """Say why the job NAME has its verdict: votes, exclusions, rule, line."""
    told = session.client().get(path_of("jobs", name, "explain"))
    show_one(session, told, lambda style: list(decision(style, told)), name=name)


@click.command("explain", cls=Command)
@click.argument("id_", metavar="ID|JOB")
@click.option("--job", "member", metavar="JOB", help="Of this job of it alone.")
@click.pass_obj
def incident(session: Session, id_: str, member: str | None) -> None:
    """Say why an incident opened and closed, as it was decided then."""
    told = session.client().get(path_of("incidents", id_, "explain"), job=member)
    show_one(session, told, lambda style: _incident(style, told), name=told["incident"])
    if not told["decisions"]:
        session.note(
            "no decision was kept with it; of now tells: "
            f"pangea job explain {safe_text(told['job'], 63)}"
        )


def decision(style: Style, told: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of one decision."""
    width = screen_width()
    was = safe_text(told["before"] or "", 20).upper()
    before = f"  was {was}" if was else ""
    at = (
        f"at {clock(told['at'])}" if told["before"] else f"since {clock(told['since'])}"
    )
    name = safe_text(told["job"], 63)
    yield f"{style.marked(told['verdict'])}  {style.plain(name)}  {at}{before}"
    facts = [
        ("decided", told["decided"]),
        ("line", told["line"]),
        ("because", told["reason"]),
        ("rule", f"{told['rule']}: {told['rule_words']}"),
        ("times", _times(told)),
    ]
    for title, text in facts:
        if text:
            yield from _fact(style, title, safe_text(text, 500), width)
    counted = [vote for vote in told["votes"] if vote["counts"]]
    others = [vote for vote in told["votes"] if not vote["counts"]]
    yield ""
    yield from _counted(style, counted, told["at"])
    if others:
        yield ""
        yield from _others(style, others)
    if told["left_out"]:
        yield f"… and {told['left_out']} more workers"


def clock(moment: Any) -> str:
    """Return an RFC 3339 time as date and time of day here, with milliseconds."""
    try:
        at = datetime.fromisoformat(str(moment)).astimezone()
    except ValueError:
        return "-"
    return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03}"


def _fact(style: Style, title: str, text: str, width: int | None) -> Iterator[str]:
    room = None if width is None else max(width - NAME, 20)
    for line in wrapped(style.plain(text), room):
        yield style.paint(f"{title:<{NAME}}", "dim") + line
        title = ""


def _times(told: dict[str, Any]) -> str:
    if told["first_fail_at"] is None:
        return ""
    said = f"first failure {_time(told['first_fail_at'])}"
    if told["confirmed_at"] is None:
        return said
    took = format_duration(told["confirmed_after_s"] or 0.0)
    return f"{said}, confirmed {_time(told['confirmed_at'])}, {took} later"


def _time(moment: Any) -> str:
    """Return the time of day, with milliseconds."""
    return clock(moment).rpartition(" ")[2]


def _counted(style: Style, votes: list[dict[str, Any]], at: Any) -> Iterator[str]:
    if not votes:
        yield "nobody's vote counts"
        return
    rows = [
        [
            style.mark(vote["vote"]),
            vote["worker"],
            vote["region"],
            _age(vote["at"], at),
            _spent(vote["duration_ms"]),
            _said(vote),
        ]
        for vote in votes
    ]
    titles = ["vote", "worker", "region", "asked", "took", "said"]
    colours = [style.colour_of(vote["vote"]) for vote in votes]
    yield from _table(style, titles, rows, colours)


def _others(style: Style, votes: list[dict[str, Any]]) -> Iterator[str]:
    rows = [
        [
            vote["worker"],
            vote["region"],
            style.mark(vote["vote"]) if vote["vote"] else "-",
            vote["why"],
        ]
        for vote in votes
    ]
    titles = ["does not count", "region", "its vote", "why"]
    yield from _table(style, titles, rows, ["dim"] * len(rows))


def _table(
    style: Style, titles: list[str], rows: list[list[str]], colours: list[str]
) -> list[str]:
    """Return a table without the columns in which nothing stands."""
    kept = [n for n in range(len(titles)) if any(row[n] for row in rows)]
    cells = [[row[n] for n in kept] for row in rows]
    titles = [titles[n] for n in kept]
    return style.table(titles, cells, limit=100, colours=colours)


def _said(vote: dict[str, Any]) -> str:
    reason, detail = vote["reason"], vote["detail"]
    return f"{reason}: {detail}" if reason and detail else reason or detail


def _age(moment: Any, now: Any) -> str:
    """Return how long before *now* something was."""
    try:
        spent = datetime.fromisoformat(str(now)) - datetime.fromisoformat(str(moment))
    except ValueError:
        return "-"
    seconds = max(spent.total_seconds(), 0.0)
    return (
        f"{seconds:.1f} s ago"
        if seconds < 60
        else f"{format_duration(round(seconds))} ago"
    )


def _spent(value: Any) -> str:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return milliseconds(value) if good else ""


def _incident(style: Style, told: dict[str, Any]) -> list[str]:
    """Return an incident: each decision, then the evidence."""
    title = safe_text(told["title"], 200)
    lines = [style.plain(f"incident {told['incident']}: {title}")]
    for one in told["decisions"]:
        lines += ["", *decision(style, one)]
    for one in told["evidence"]:
        lines += ["", *_evidence(style, one)]
    return lines


def _evidence(style: Style, told: dict[str, Any]) -> Iterator[str]:
    words = f"{told.get('job', '')}: {told.get('words', '')}"
    yield from _fact(style, "evidence", safe_text(words, 1000), screen_width())
    both = [told.get("failing") or {}, told.get("healthy") or {}]
    sides = [_finding(side) for side in both if side]
    names = sorted(dict.fromkeys(name for side in sides for name in side), key=_hop)
    rows = [[name, *(side.get(name, "-") for side in sides)] for name in names]
    heads = ["", *(str(side.get("worker", "-")) for side in both if side)]
    for line in style.table(heads, rows, limit=60):
        yield " " * NAME + line


def _finding(side: dict[str, Any]) -> dict[str, str]:
    """Return what a worker found, as names and texts."""
    told = {title: _text(side[name]) for name, title in FOUND if side.get(name)}
    phases = side.get("phases") or {}
    if phases:
        told["phases"] = ", ".join(f"{k} {_spent(v)}" for k, v in phases.items())
    certificate = side.get("certificate") or {}
    for name in ("issuer", "subject", "not_after"):
        if certificate.get(name):
            told[name.replace("_", " ")] = _text(certificate[name])
    if side.get("walked"):
        told["way"] = "arrives" if side.get("arrived") else "does not arrive"
    elif side.get("no_way"):
        told["way"] = _text(side["no_way"])
    for hop in side.get("hops") or ():
        told[f"hop {hop[0]}"] = ", ".join(hop[1]) if len(hop) > 1 and hop[1] else "*"
    return told


def _hop(name: str) -> int:
    """Return where a line stands: the hops in their order, after all else."""
    number = name.removeprefix("hop ")
    return int(number) if number != name and number.isdigit() else 0


def _text(value: Any) -> str:
    joined = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return safe_text(joined, 200)
