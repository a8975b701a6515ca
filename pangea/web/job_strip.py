"""The strip of a job's past: what it was when, with incidents and notes upon it."""

from collections.abc import Sequence

from msgspec import Struct

from pangea.core.chart_strip import KINDS, Piece, joined, place, rank, strip
from pangea.core.durations import format_duration
from pangea.core.text import safe_text

from .api_timeline import TimelineAnswer
from .job_chart import Mark, x_marks
from .job_points import percent, seconds
from .job_range import Range
from .schema_incidents import IncidentAnswer, NoteAnswer
from .text import t
from .words import Badge, When, age, verdict_badge, when

#: Of what is no verdict: glyph and word.
OTHERS = {"drill": ("◈", "DRILL"), "no_data": ("·", "NO DATA")}
#: How high a kind stands in the strip, in percent: it is not told by colour alone.
HEIGHTS = {
    "down": 100,
    "degraded": 76,
    "unknown": 56,
    "drill": 46,
    "maintenance": 46,
    "paused": 34,
    "no_data": 12,
    "up": 34,
}
#: So many of the latest stretches that were not up are told in words.
TOLD = 12


class Bar(Struct, frozen=True):
    """A block of the strip, in units of its drawing (1000 by 100)."""

    css: str
    x: str
    y: int
    width: str
    height: int


class Total(Struct, frozen=True):
    """How much of the range was of one kind."""

    badge: Badge
    part: str
    length: str


class Told(Struct, frozen=True):
    """A stretch in words."""

    badge: Badge
    begin: When | None
    length: str
    lasts: bool


class Flagged(Struct, frozen=True):
    """A mark above the strip: how far along it, in percent, and what it is."""

    at: str
    glyph: str
    css: str
    words: str
    href: str


class StripView(Struct, frozen=True):
    """The strip, what it adds up to, and the latest of what was not well."""

    bars: list[Bar]
    x: list[Mark]
    flags: list[Flagged]
    totals: list[Total]
    told: list[Told]
    left_out: int
    label: str
    coarse: bool


def strip_view(
    timeline: TimelineAnswer,
    shown: Range,
    now: str,
    incidents: Sequence[IncidentAnswer] = (),
    notes: Sequence[NoteAnswer] = (),
) -> StripView:
    """Return the strip of what was *shown*, as seen from *now* (RFC 3339)."""
    pieces = joined(
        [Piece(p.kind, seconds(p.since), seconds(p.until)) for p in timeline.pieces]
    )
    worse = [p for p in timeline.pieces if p.kind != "up"][::-1]
    totals = _totals(pieces)
    said = ", ".join(f"{one.badge.word} {one.part}" for one in totals)
    return StripView(
        bars=_bars(pieces, shown),
        x=x_marks(shown),
        flags=_flags(shown, incidents, notes),
        totals=totals,
        told=[_told(p.kind, p.since, p.until, now) for p in worse[:TOLD]],
        left_out=max(len(worse) - TOLD, 0),
        label=t("job.strip_said", said=said or t("job.nothing")),
        coarse=timeline.coarse,
    )


def badge_of_kind(kind: str) -> Badge:
    """Return how a kind of time is shown."""
    if kind in OTHERS:
        return Badge(*OTHERS[kind], kind)
    return verdict_badge(kind if kind in KINDS else "unknown")


def lasted(seconds_: float) -> str:
    """Return how long something was, also if that is hardly anything."""
    return age(seconds_) if seconds_ >= 10 else format_duration(max(seconds_, 0.001))


def _bars(pieces: Sequence[Piece], shown: Range) -> list[Bar]:
    found = []
    for block in strip(pieces, shown.begin_s, shown.end_s):
        high = HEIGHTS.get(block.kind, 50)
        kind = block.kind if block.kind in KINDS else "unknown"
        x, width = f"{block.left:.1f}", f"{block.width:.1f}"
        found.append(Bar(f"k-{kind}", x, 100 - high, width, high))
    return found


def _totals(pieces: Sequence[Piece]) -> list[Total]:
    spent: dict[str, float] = {}
    for piece in pieces:
        length = piece.end_s - piece.begin_s
        spent[piece.kind] = spent.get(piece.kind, 0.0) + length
    whole = sum(spent.values()) or 1.0
    return [
        Total(badge_of_kind(kind), percent(spent[kind] / whole), lasted(spent[kind]))
        for kind in sorted(spent, key=lambda kind: (kind != "up", rank(kind)))
    ]


def _told(kind: str, since: str, until: str, now: str) -> Told:
    length = seconds(until) - seconds(since)
    lasts = seconds(until) >= seconds(now) - 1
    return Told(badge_of_kind(kind), when(since, now), lasted(length), lasts)


def _flags(
    shown: Range, incidents: Sequence[IncidentAnswer], notes: Sequence[NoteAnswer]
) -> list[Flagged]:
    found = []
    for incident in incidents:
        css = "down" if incident.worst == "down" else "degraded"
        words = safe_text(f"{incident.id}: {incident.title}", 200)
        found.append((incident.opened_at, "▼", css, words, f"#i-{incident.id}"))
    for note in notes:
        words = safe_text(note.text, 200)
        found.append((note.at, "◆", "note", words, f"#n-{note.id}"))
    return [
        Flagged(f"{share * 100:.2f}", glyph, css, words, href)
        for at, glyph, css, words, href in found
        if (share := place(seconds(at), shown.begin_s, shown.end_s)) is not None
    ]
