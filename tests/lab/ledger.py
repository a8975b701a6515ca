"""What the target wrote down and what the coordinator has, as the checker wants it."""

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from tests.lab.checker import Gap, Seen, Stored
from tests.lab.fleet import Fleet, jobs
from tests.lab.target import TOKEN


def seen(fleet: Fleet, until_us: int) -> list[Seen]:
    """Return what the target saw up to a moment."""
    host = {address: name for name, address in fleet.net.address.items()}
    lines = fleet.notebook.read_text().splitlines()
    notes = (json.loads(line) for line in lines)
    return [
        Seen(note["at_us"], host[note["source"]], note["job"], note["token"])
        for note in notes
        if note["at_us"] <= until_us
    ]


def stored(fleet: Fleet, runs: Iterable[Seen]) -> list[Stored]:
    """Return all results; those of runs that came after *runs* are left for later."""
    known = {run.token for run in runs}
    rows: list[Stored] = []
    for job, *_ in jobs():
        path, cursor = f"/jobs/{quote(job)}/results?limit=500", ""
        while cursor is not None:
            page = fleet.ask("GET", path + cursor)
            rows += [_row(job, item) for item in page["items"]]
            cursor = page["next"] and f"&cursor={quote(page['next'])}"
    return [row for row in rows if not row.token or row.token in known]


def gaps(fleet: Fleet) -> list[Gap]:
    """Return the gap records; the one thing that only the database tells."""
    with _database(fleet.coordinator.state / "pangea.db") as link:
        names = dict(link.execute("SELECT id, name FROM job"))
        workers = dict(link.execute("SELECT id, name FROM worker"))
        rows = link.execute(
            "SELECT worker, reason, counts, last - first + 1 FROM gap"
        ).fetchall()
    gaps = []
    for worker, reason, packed, total in rows:
        counts = _named(packed, names)
        rest = max(total - sum(counts.values()), 0)
        gaps.append(Gap(_host(workers[worker]), reason, counts, rest))
    return gaps


def transitions(fleet: Fleet) -> list[tuple[str, str]]:
    """Return each change of verdict that is stored: job, verdict."""
    with _database(fleet.coordinator.state / "pangea.db") as link:
        return link.execute(
            "SELECT job.name, after FROM transition JOIN job ON job.id = job"
        ).fetchall()


def _row(job: str, item: Mapping[str, Any]) -> Stored:
    found = TOKEN.search(json.dumps(item["readings"]))
    started = datetime.fromisoformat(item["started_at"])
    return Stored(
        source=_host(item["worker"]),
        job=job,
        started_us=round(started.timestamp() * 1e6),
        duration_us=round(item["duration_ms"] * 1000),
        outcome=item["outcome"],
        reason=item["reason"],
        token=found[0] if found else "",
        flags=tuple(item["flags"]),
    )


def _host(worker: str) -> str:
    """The coordinator's own worker probes from the coordinator's host."""
    return "coordinator" if worker == "local" else worker


def _named(packed: bytes, names: Mapping[int, str]) -> dict[str, int]:
    counts = msgspec.msgpack.decode(packed, type=dict[int, int])
    return {names[job]: count for job, count in counts.items() if job in names}


def _database(path: Path) -> "contextlib.closing[sqlite3.Connection]":
    return contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True))
