"""`pangea top`: the jobs that are slowest, lose most or flap most."""

from typing import Any

import click

from pangea.core.durations import parse_duration

from .group import Command
from .output import Column, ago, milliseconds, show_items
from .session import Session


def percent(value: Any) -> str:
    """Return percent as people read them; ``-`` for none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "-"
    return f"{value:.3g} %"


def _ms(key: str) -> Column:
    return Column(key.removesuffix("_ms"), lambda item: milliseconds(item.get(key)))


def _pct(title: str, key: str) -> Column:
    return Column(title, lambda item: percent(item.get(key)))


NAMED = [
    Column("verdict", lambda item: item.get("verdict", ""), mark=True),
    Column("name", lambda item: item.get("name", "")),
    Column("type", lambda item: item.get("type", "")),
    Column("target", lambda item: item.get("target", ""), wide=True),
]
TIMES = [_ms("p95_ms"), _ms("p50_ms"), _ms("p99_ms"), _ms("max_ms")]
LOSSES = [_pct("loss", "loss_pct"), _pct("failed", "failed_pct")]
RUNS = Column("runs", lambda item: item.get("runs", ""))
#: What is asked for stands first.
COLUMNS = {
    "slow": [*NAMED, *TIMES, *LOSSES, RUNS],
    "loss": [*NAMED, *LOSSES, RUNS, *TIMES],
    "flapping": [
        *NAMED,
        Column("changes", lambda item: item.get("changes", "")),
        Column("outages", lambda item: item.get("outages", "")),
        Column("last change", lambda item: ago(item.get("last_change_at"))),
    ],
}
NONE = {
    "slow": "nothing was reached",
    "loss": "nothing was lost, and nothing failed",
    "flapping": "no verdict changed",
}


@click.command("top", cls=Command)
@click.option(
    "--by", type=click.Choice(list(COLUMNS)), default="slow", help="The worst of what."
)
@click.option("--since", default="24h", metavar="24h", help="How far back.")
@click.option(
    "--limit", type=click.IntRange(1, 100), default=20, help="At most so many."
)
@click.pass_obj
def command(session: Session, by: str, since: str, limit: int) -> None:
    """Print the worst jobs: slow by their 95th percentile, losing, or flapping."""
    back = parse_duration(since)
    answer = session.client().get("top", by=by, range=f"{float(back):f}", limit=limit)
    show_items(session, answer["items"], COLUMNS[by])
    if not answer["items"]:
        session.note(f"{NONE[by]} in the last {since}")
    elif not answer["exact"]:
        session.note("too many jobs are nearly as slow: some may be missing")
