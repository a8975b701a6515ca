"""`pangea status`: how everything is, on one screen, and what to do next."""

import sys
import time
from typing import Any

import click

from pangea.core.durations import parse_duration
from pangea.core.errors import Unreachable, UsageError
from pangea.core.text import safe_text

from .client import Client
from .group import Command
from .incident import what
from .job import COLUMNS, ORDER, badness
from .output import ago, show_one
from .session import Session
from .table import Style

WORST = ("down", "degraded", "unknown")
SHOWN = 10
CLEAR = "\x1b[H\x1b[2J"


@click.command("status", cls=Command)
@click.option(
    "--watch", is_flag=False, flag_value="2s", metavar="[2s]", help="Show it again."
)
@click.option("--at", metavar="03:12", help="As it was known then (UTC).")
@click.pass_obj
def command(session: Session, watch: str | None, at: str | None) -> None:
    """Print how everything is, and what to do next.

    --at takes a time of day (the last one that has been), "yesterday 14:00", a
    date, an RFC 3339 time, or "2h ago"; times are UTC.
    """
    client = session.client()
    if watch is None or at is not None:
        if watch is not None:
            raise UsageError("--watch and --at: what has been does not change")
        _show(session, client, at)
        return
    pause = parse_duration(watch)
    if not 0.2 <= pause <= 3600:
        raise UsageError("--watch: wanted 200ms to 1h")
    # The first answer must come: a wrong --server is no reason to wait.
    _show(session, client)
    while True:
        sys.stdout.flush()
        time.sleep(pause)
        if sys.stdout.isatty() and session.form in ("table", "wide"):
            print(CLEAR, end="")
        try:
            _show(session, client)
        except Unreachable as error:
            session.note(f"{error}; waiting for it")


def _show(session: Session, client: Client, at: str | None = None) -> None:
    status = client.get("status", at=at)
    # By the moment that was answered: "2h ago" would be another one by now.
    then = status.get("at")
    drawn = session.form in ("table", "wide")
    jobs = client.items("jobs", at=then) if drawn else []
    show_one(
        session,
        status,
        lambda style: [session.again(line) for line in _screen(style, status, jobs)],
    )


def _screen(
    style: Style, status: dict[str, Any], jobs: list[dict[str, Any]]
) -> list[str]:
    name, version = safe_text(status["name"], 63), safe_text(status["version"], 40)
    counts = status["verdicts"]
    verdicts = "  ".join(
        f"{style.marked(word)} {counts[word]}" for word in ORDER if counts.get(word)
    )
    resting = status.get("workers_resting") or 0
    resting_words = f"{resting} in maintenance, " if resting else ""
    lines = [
        f"coordinator  {name}, version {version}, started {ago(status['started_at'])}",
        f"workers      {status['workers_connected']} of {status['workers']} connected, "
        f"{resting_words}{status['results_per_s']:.3g} results/s",
        f"jobs         {status['jobs']}   {verdicts}".rstrip(),
    ]
    lines += _storage(status.get("storage"))
    lines += _backup(status.get("backup"))
    if status.get("at"):
        as_of = f"as of        {safe_text(status['at'], 40)}"
        lines = [as_of, f"coordinator  {name}", lines[2]]
    bad = [job for job in jobs if job.get("verdict") in WORST]
    if bad:
        lines += ["", *_worst(style, bad)]
    lines += _incidents(style, status)
    trouble = [safe_text(line, 300) for line in status["trouble"]]
    lines += [""] * bool(trouble)
    lines += [f"{style.mark('warn')[0]} {style.plain(line)}" for line in trouble]
    lines += _concerns(style, status.get("concerns", []))
    if status.get("next"):
        lines += ["", f"next: {style.plain(safe_text(status['next'], 300))}"]
    return lines


def _backup(backup: dict[str, Any] | None) -> list[str]:
    """Return when the last scheduled backup was, if any are scheduled."""
    if not backup:
        return []
    if backup["last_at"] is None:
        told = "none yet"
    else:
        told = f"{ago(backup['last_at'])}, {backup['last_bytes']:,} bytes"
        told += f", {backup['kept']} kept"
    running = ", one is being made" if backup["running"] else ""
    return [f"backup       {told}{running}"]


def _storage(storage: dict[str, Any] | None) -> list[str]:
    """Return how large the database is, and will be."""
    if not storage:
        return []
    now, daily, will = (
        _size(storage[key]) for key in ("bytes", "bytes_per_day", "forecast_bytes")
    )
    free = storage.get("free_bytes")
    room = "on a server" if free is None else f"{_size(free)} free"
    whole = "" if storage["shrinks"] else ", and it cannot shrink: see docs/storage.md"
    then = f"{will} once the oldest results go"
    return [f"storage      {now}, {daily} a day, {then}; {room}{whole}"]


def _size(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count / 1e3:.3g} kB"


def _incidents(style: Style, status: dict[str, Any]) -> list[str]:
    """Return a line for each open incident, as many as the API tells."""
    found = status.get("incidents", [])
    lines = [""] * bool(found)
    for each in found:
        by = each.get("acknowledged_by")
        acked = f", {safe_text(by, 63)} takes care of it" if by else ""
        if by and each.get("new_since_ack"):
            acked += f", {each['new_since_ack']} new since"
        mark = style.mark(str(each.get("verdict", "")))
        told = f"incident {safe_text(each.get('id'), 20)}: {safe_text(what(each), 120)}"
        since = f"since {ago(each.get('opened_at'), status.get('at'))}{acked}"
        lines.append(f"{mark[0]} {style.plain(f'{told}, {since}')}")
    more = (status.get("incidents_open") or 0) - len(found)
    if more > 0:
        lines.append(f"and {more} more: pangea incident list --open")
    return lines


def _concerns(style: Style, concerns: list[dict[str, Any]]) -> list[str]:
    """Return a line for each thing to look at, and below it the next step."""
    lines = [""] * bool(concerns)
    for concern in concerns:
        about = safe_text(concern["about"], 63)
        what = safe_text(concern["what"], 200)
        said = f"{about}: {what}" if about else what
        lines.append(f"{style.mark('warn')[0]} {style.plain(said)}")
        lines.append(style.plain(f"  → {safe_text(concern['next'], 300)}"))
    return lines


def _worst(style: Style, jobs: list[dict[str, Any]]) -> list[str]:
    shown = sorted(jobs, key=badness)[:SHOWN]
    columns = [c for c in COLUMNS if c.title in ("verdict", "name", "since", "why")]
    rows = [
        [style.mark(c.cell(job)) if c.mark else str(c.cell(job)) for c in columns]
        for job in shown
    ]
    colours = [style.colour_of(job["verdict"]) for job in shown]
    lines = style.table([c.title for c in columns], rows, limit=60, colours=colours)
    if len(jobs) > SHOWN:
        lines.append(f"and {len(jobs) - SHOWN} more: pangea job list")
    return lines
