"""`pangea backtest`: another rule on what has been, before it is trusted."""

from typing import Any

import click

from pangea.core.durations import format_duration
from pangea.core.text import safe_text

from .group import Command
from .output import Column, show_items, to_json
from .session import Session

#: So many jobs are asked for at a time.
AT_ONCE = 200


def _minutes(key: str) -> Column:
    title = key.removesuffix("_min").replace("_min_", " ")
    return Column(title, lambda row: format_duration(row[key] * 60))


COLUMNS = [
    Column("job", lambda row: row["name"] or "all"),
    Column("rule", lambda row: row["rule"]),
    Column("then", lambda row: row["incidents_then"]),
    Column("now", lambda row: row["incidents_now"]),
    _minutes("missed_min"),
    _minutes("false_min"),
    Column("delay", lambda row: _delay(row["delay_s"])),
    Column("down then", lambda row: format_duration(row["down_min_then"] * 60)),
    Column("down now", lambda row: format_duration(row["down_min_now"] * 60)),
]
COUNTED = (
    "incidents_then", "incidents_now", "missed_min", "false_min", "down_min_then",
    "down_min_now",
)  # fmt: skip


@click.command("backtest", cls=Command)
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option("--rule", required=True, metavar="RULE", help="The rule to try.")
@click.option("--since", default="30d", metavar="30d", help="From when on.")
@click.pass_obj
def command(session: Session, jobs: tuple[str, ...], rule: str, since: str) -> None:
    """Judge what has been once more, by another rule; all jobs if none is named.

    THEN and NOW count the incidents under the recorded and the tried rule; MISSED
    is time that was degraded or down and would not be, FALSE the other way round,
    and DELAY how much later incidents begin. Right to within an interval.

    \b
    pangea backtest web --rule "majority down=2"
    pangea backtest --rule any --since 7d --json
    """
    client = session.client()
    names = list(jobs) or [job["name"] for job in client.items("jobs")]
    answers = [
        client.post(
            "backtest",
            {"jobs": names[at : at + AT_ONCE], "rule": rule, "since": since},
        )
        for at in range(0, max(len(names), 1), AT_ONCE)
        if names
    ]
    rows = [row for answer in answers for row in answer["jobs"]]
    totals = _totals(rule, rows)
    if session.form == "json":
        whole = dict(answers[0]) if answers else {"rule": rule}
        print(to_json({**whole, "jobs": rows, "totals": totals}))
        return
    drawn = session.form in ("table", "wide") and len(rows) > 1
    show_items(session, [*rows, totals] if drawn else rows, COLUMNS)
    for note in totals["notes"]:
        session.note(safe_text(note, 300))
    if not rows:
        session.note("there are no jobs yet\n  try: pangea job add http example.com")


def _totals(rule: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    delays = [row["delay_s"] for row in rows if row["delay_s"] is not None]
    return {
        "name": "",
        "rule": rule,
        **{key: round(sum(row[key] for row in rows), 2) for key in COUNTED},
        "delay_s": round(sum(delays) / len(delays), 1) if delays else None,
        "notes": sorted({note for row in rows for note in row.get("notes", ())}),
    }


def _delay(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    sign = "+" if seconds > 0 else ""
    return f"{sign}{format_duration(seconds)}"
