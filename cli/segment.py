"""`pangea segment check`: does the network keep apart what it must, and only that?"""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import click
import msgspec

from pangea.core.errors import Conflict, NotFound
from pangea.core.segment import LABEL, Cell, Reach, exit_code, reach
from pangea.core.text import safe_text

from .client import Client, path_of
from .given import table_of
from .group import Group, repeated
from .output import show_items
from .session import Session
from .table import Style

#: Between two looks, beyond the timeout of a job, before the check: in seconds.
LOOK_S, SLACK_S, EARLY_S = 0.3, 12.0, 1.0
#: Jobs that one check runs, and how long it waits at most.
MOST_JOBS, MOST_S = 500, 120.0
COLOURS = {
    Reach.REACHES: "green",
    Reach.CUT: "green",
    Reach.LEAKS: "red",
    Reach.MISSES: "red",
    Reach.UNTOLD: "cyan",
}


@click.group("segment", cls=Group, no_args_is_help=True)
def command() -> None:
    """Check who reaches whom across the segments of a network."""


@command.command("check")
@repeated("--label", "labels", metavar="K=V", help="Only jobs with it; repeatable.")
@click.pass_obj
def check(session: Session, labels: tuple[str, ...]) -> int:
    """Run all jobs with the label `segment` now and print who reaches whom.

    A job says who must reach its target (--expect ok), or who must not
    (--expect fail); its label `segment=NAME` says what it belongs to.

    \b
    pangea job add tcp 192.0.2.9:22 --on office --expect fail --label segment=dmz
    pangea segment check --label segment=dmz

    Exit code: 0 all is as it must be, 1 something is not, 4 could not tell.
    """
    client = session.client()
    jobs = _chosen(client, table_of("--label", labels))
    cells = [cell for job, found in _run(client, jobs) for cell in cells_of(job, found)]
    items = [msgspec.to_builtins(cell) for cell in cells]
    if session.form in ("table", "wide"):
        for line in matrix(Style(no_color=session.no_color), cells):
            print(line)
    else:
        show_items(session, items, (), key="job")
    return exit_code([cell.found for cell in cells])


def _chosen(client: Client, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the jobs that say who must reach whom; NotFound if there are none."""
    jobs = [
        job
        for job in client.items("jobs")
        if LABEL in job["labels"] and wanted.items() <= job["labels"].items()
    ]
    if not jobs:
        raise NotFound(
            f"no job has the label {LABEL}" + (" and those given" if wanted else ""),
            hint="pangea job add TYPE TARGET --on W --expect fail --label "
            f"{LABEL}=NAME says what must not be reached",
        )
    return jobs[:MOST_JOBS]


Found = dict[str, dict[str, Any]]


def _run(
    client: Client, jobs: Sequence[dict[str, Any]]
) -> list[tuple[dict[str, Any], Found]]:
    """Run *jobs* and return each with the fresh result of each worker, if any."""
    # Clocks differ a little, and a run that goes on already will do.
    now = datetime.fromisoformat(client.get("status")["now"])
    since = (now - timedelta(seconds=EARLY_S)).isoformat()
    asked: dict[str, set[str]] = {}
    found: dict[str, Found] = {job["name"]: {} for job in jobs}
    for job in jobs:
        try:
            answer = client.post(path_of("jobs", job["name"], "run"))
            asked[job["name"]] = set(answer["asked"])
        except Conflict as refused:
            found[job["name"]] = {"": {"detail": str(refused)}}
    longest = max((job["timeout_s"] for job in jobs), default=0.0) + SLACK_S
    until = time.monotonic() + min(longest, MOST_S)
    while asked and time.monotonic() < until:
        for name in list(asked):
            found[name] |= _fresh(client, name, since)
            if asked[name] <= found[name].keys():
                del asked[name]
        if asked:
            time.sleep(LOOK_S)
    return [(job, found[job["name"]]) for job in jobs]


def _fresh(client: Client, name: str, since: str) -> Found:
    """Return the latest result since then of each worker."""
    items = client.items(path_of("jobs", name, "results"), limit=500, since=since)
    return {result["worker"]: result for result in reversed(items)}


def cells_of(job: dict[str, Any], found: Found) -> Iterator[Cell]:
    """Yield what each worker of *job* found, also that it could not tell."""
    told = found.get("", {}).get("detail", "")
    votes = {vote["worker"]: vote for vote in job["votes"]}
    for worker in sorted({*votes, *found} - {""}):
        vote = votes.get(worker, {})
        if vote.get("state") == "stopped":
            continue  # this worker was asked to say nothing of it
        yield _cell(job, worker, found.get(worker), told or _absence(vote))


def _cell(
    job: dict[str, Any], worker: str, result: dict[str, Any] | None, absence: str
) -> Cell:
    expect = job.get("expect", "ok")
    place = {
        "segment": job["labels"][LABEL],
        "job": job["name"],
        "type": job["type"],
        "target": job["target"],
        "worker": worker,
        "must": "not" if expect == "fail" else "reach",
    }
    if result is None:
        return Cell(**place, found=Reach.UNTOLD, why=absence)
    sick = "sick" in result["flags"]
    seen = reach(expect, result["outcome"], sick=sick)
    why = result["detail"] or result["reason"]
    if seen is Reach.UNTOLD and sick:
        why = f"the worker is unwell: {why or 'only an answer would tell'}"
    return Cell(**place, found=seen, why=why, at=result["started_at"])


def _absence(vote: dict[str, Any]) -> str:
    """Return why a worker has found nothing."""
    state = vote.get("state", "")
    if state in ("refused", "absent"):
        return f"{state}: {vote.get('detail', '')}"
    if state in ("lost", "suspect"):
        return "it is not connected"
    return "no result came in time"


def matrix(style: Style, cells: Sequence[Cell]) -> Iterator[str]:
    """Yield the lines: a table for each segment, then what is not as it must be."""
    for segment in sorted({cell.segment for cell in cells}):
        mine = [cell for cell in cells if cell.segment == segment]
        yield style.plain(f"segment {safe_text(segment, 60)}")
        yield from _table(style, mine)
        yield ""
    wrong = [cell for cell in cells if cell.found not in (Reach.REACHES, Reach.CUT)]
    for cell in wrong:
        yield style.paint(style.plain(_line(cell)), COLOURS[cell.found])
    if not wrong:
        yield "all is as it must be"


def _table(style: Style, cells: Sequence[Cell]) -> list[str]:
    workers = sorted({cell.worker for cell in cells})
    rows: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for cell in cells:
        row = rows.setdefault(cell.row, {})
        row.setdefault(cell.worker, []).append(str(cell.found))
    table = [
        [f"{kind} {target}", *(" / ".join(row.get(w, ["·"])) for w in workers)]
        for (_, kind, target), row in sorted(rows.items())
    ]
    return style.table(["target", *workers], table, limit=60)


def _line(cell: Cell) -> str:
    what = f"{cell.worker} {cell.found}: {cell.type} {cell.target}"
    why = f" ({cell.why})" if cell.why else ""
    return safe_text(f"{what}{why}, job {cell.job}", 400)
