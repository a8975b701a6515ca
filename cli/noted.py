"""Notes below a chart: a mark where each was, and what it says."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pangea.core.errors import NotFound
from pangea.core.text import safe_text

from .client import Client
from .incident import clock

#: So many of the newest are told; marks stand for all.
TOLD = 10
MOST = 200
MARK = "^"


def notes_about(
    client: Client, job: str, since: str, until: str | None = None
) -> list[dict[str, Any]]:
    """Return the notes about *job* of a stretch of time, newest first."""
    try:
        return client.items("notes", MOST, since=since, until=until, job=job)
    except NotFound:
        return []


def marked(
    chart: Sequence[str],
    notes: Sequence[dict[str, Any]],
    points: Sequence[dict[str, Any]],
    step_s: float,
) -> list[str]:
    """Return a line of marks to stand below *chart*, and the notes."""
    axis = next((line for line in chart if "└" in line), "")
    if not (notes and points and axis):
        return []
    left, width = axis.index("└") + 1, max(len(axis) - axis.index("└") - 1, 1)
    begun, spent = _seconds(points[0]["at"]), max(len(points) * step_s, 1e-9)
    columns = {int((_seconds(n["at"]) - begun) / spent * width) for n in notes}
    row = "".join(MARK if column in columns else " " for column in range(width))
    told = [
        f"{MARK} {clock(n['at'])}  {safe_text(n.get('text'), 200)}"
        for n in notes[:TOLD]
    ]
    more = [f"and {len(notes) - TOLD} more: pangea note"] if len(notes) > TOLD else []
    return [(" " * left + row).rstrip(), *told, *more]


def _seconds(moment: Any) -> float:
    """Return an RFC 3339 time in seconds; one that is none is long ago."""
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except (ValueError, OverflowError):
        return 0.0
