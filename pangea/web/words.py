"""How pages write states, numbers and times: one place, safe against what is said."""

import math
from datetime import UTC, datetime

from msgspec import Struct

from pangea.core.durations import format_duration
from pangea.core.reasons import REASONS
from pangea.core.text import safe_text

from .schema import VoteAnswer
from .text import t

#: Of a verdict the glyph; the word is in the catalogue; never the colour alone.
VERDICTS = {
    "up": "●",
    "degraded": "▲",
    "down": "✖",
    "unknown": "○",
    "maintenance": "◇",
    "paused": "◌",
}
#: The order of the counts: the worst first.
WORST_FIRST = ("down", "degraded", "unknown", "up", "maintenance", "paused")

#: Of a cell: glyph, and the verdict whose colour it has.
CELLS = {
    "ok": ("●", "up"),
    "warn": ("▲", "degraded"),
    "failed": ("✖", "down"),
    "error": ("○", "unknown"),
    "waiting": ("…", "unknown"),
    "lost": ("○", "lost"),
    "suspect": ("○", "lost"),
    "sick": ("○", "unknown"),
    "maintenance": ("◇", "maintenance"),
    "moving": ("→", "unknown"),
    "stopped": ("◌", "paused"),
    "refused": ("⊗", "unknown"),
    "absent": ("⊗", "unknown"),
    "none": ("·", "none"),
}


class Badge(Struct, frozen=True):
    """A state as it is shown: glyph, word, and the class of its colour."""

    glyph: str
    word: str
    css: str


class When(Struct, frozen=True):
    """A moment: for machines, exact for people, its time of day, how long ago."""

    iso: str
    exact: str
    clock: str
    ago: str


def verdict_badge(verdict: str) -> Badge:
    """Return how a verdict is shown."""
    if verdict not in VERDICTS:
        return Badge("?", verdict.upper(), verdict)
    return Badge(VERDICTS[verdict], t(f"words.{verdict}"), verdict)


def cell_state(vote: VoteAnswer | None) -> str:
    """Return which of CELLS a vote is; None: the job is not given to the worker."""
    if vote is None:
        return "none"
    state = vote.state if vote.state != "probing" else vote.outcome or "error"
    return state if state in CELLS else "none"


def cell_badge(vote: VoteAnswer | None) -> Badge:
    """Return how a worker's cell is shown."""
    state = cell_state(vote)
    glyph, css = CELLS[state]
    return Badge(glyph, t(f"words.cell_{state}"), css)


def why(reason: str, detail: str) -> str:
    """Return a reason code with its detail, else with what it means; one safe line."""
    said = detail or REASONS.get(reason, "")
    return safe_text(f"{reason}: {said}" if reason and said else reason or said, 300)


def meaning(reason: str) -> str:
    """Return what a reason code means, "" if it is none of ours."""
    return REASONS.get(reason, "")


def ms(value: float | None) -> str:
    """Return a duration in milliseconds for people: ``0.42 ms``, ``1.21 s``."""
    if value is None or not math.isfinite(value):
        return "–"
    if value >= 1000:
        return f"{value / 1000:.3g} s"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.3g} ms"


def when(iso: str | None, now: str) -> When | None:
    """Return a moment as seen from *now*, both RFC 3339."""
    if not iso:
        return None
    at = _parse(iso)
    ago = max((_parse(now) - at).total_seconds(), 0.0)
    exact = at.strftime("%Y-%m-%d %H:%M:%S UTC")
    return When(iso, exact, at.strftime("%H:%M:%S"), age(ago))


def age(seconds: float) -> str:
    """Return how long something lasts, in at most two units: ``3d1h``, ``6m12s``."""
    return format_duration(float(int(seconds)))


def clock(iso: str) -> str:
    """Return the time of day of a moment."""
    return _parse(iso).strftime("%H:%M:%S")


def share(value: float | None) -> str:
    """Return a share of 1 in percent, never rounded up to a hundred."""
    if value is None:
        return "–"
    percent = math.floor(value * 10000) / 100
    return f"{percent:.4g} %"


def _parse(iso: str) -> datetime:
    return datetime.fromisoformat(iso).astimezone(UTC)
