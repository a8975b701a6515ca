"""What the API answers to questions about history: figures, comparisons, calendars."""

from typing import ClassVar

from msgspec import Struct, field

from pangea.core.uptime import DEFINITION


class FiguresAnswer(Struct, frozen=True, kw_only=True):
    """What results add up to; null where nothing is known.

    ``failed_pct`` is the share of good and failed ones that failed, ``loss_pct`` that
    of packets, of probes that count them. Times are those of good results;
    ``phases_ms`` are means.
    """

    runs: int = 0
    ok: int = 0
    failed: int = 0
    error: int = 0
    warn: int = 0
    failed_pct: float | None = None
    loss_pct: float | None = None
    mean_ms: float | None = None
    min_ms: float | None = None
    p50_ms: float | None = None
    p90_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    max_ms: float | None = None
    phases_ms: dict[str, float] = {}


class PartPoint(Struct, frozen=True, kw_only=True):
    """A stretch of one worker or region."""

    at: str
    ok: int
    failed: int
    error: int
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None


class PartAnswer(FiguresAnswer, frozen=True, kw_only=True):
    """The figures of one worker or region; all have points at the same times."""

    name: str
    region: str = ""
    points: list[PartPoint] = []


class PercentilesAnswer(Struct, frozen=True, kw_only=True):
    """The figures of ``all``, and of each worker or region, over a stretch.

    ``since`` and ``until`` are what was summed up: the beginning is rounded down to
    sums that are kept. ``step_s`` is the finest of them, 0 of raw results;
    ``point_s`` the width of a point.
    """

    since: str
    until: str
    by: str
    step_s: int
    point_s: int
    all: FiguresAnswer
    items: list[PartAnswer]


class SideAnswer(Struct, frozen=True, kw_only=True):
    """One side of a comparison; without worker and region it is all of them."""

    label: str
    since: str
    until: str
    worker: str | None = None
    region: str | None = None
    figures: FiguresAnswer


class DifferenceAnswer(Struct, frozen=True, kw_only=True):
    """What differs, in ``ms`` or ``%``; ``words`` is how people read it."""

    what: str
    unit: str
    before: float | None = field(name="from")
    after: float | None = field(name="to")
    change_pct: float | None = None
    worse: bool = False
    words: str = ""


class CompareAnswer(Struct, frozen=True, kw_only=True):
    """Two sides, and what differs by more than chance; if nothing, they are alike."""

    before: SideAnswer = field(name="from")
    after: SideAnswer = field(name="to")
    alike: bool
    words: str
    differs: list[DifferenceAnswer]


class TopItem(FiguresAnswer, frozen=True, kw_only=True):
    """A job in its place: its figures, or how often its verdict changed."""

    name: str
    type: str
    target: str
    verdict: str
    changes: int | None = None
    outages: int | None = None
    last_change_at: str | None = None


class TopAnswer(Struct, frozen=True, kw_only=True):
    """The worst jobs, the worst first; ``exact`` is false if not all were weighed."""

    by: str
    since: str
    until: str
    items: list[TopItem]
    exact: bool = True
    next: str | None = None


class DayAnswer(Struct, frozen=True, kw_only=True):
    """A day and the minutes of each kind in it; those that are none are left out.

    ``uptime`` and ``coverage`` are shares of 1; ``date`` is one of the zone.
    """

    date: str
    uptime: float | None
    coverage: float
    minutes: dict[str, float]


class CalendarAnswer(Struct, frozen=True, kw_only=True):
    """Days, oldest first, and what they add up to; the last may go on."""

    since: str
    until: str
    zone: str
    uptime: float | None
    coverage: float
    minutes: dict[str, float]
    days: list[DayAnswer]
    added_at: str | None = None
    definition: str = DEFINITION


class HistoryRow(FiguresAnswer, frozen=True, kw_only=True):
    """A line of exported history; ``name`` is a worker or region, "" for all."""

    #: In a table these stand before the figures.
    first: ClassVar[tuple[str, ...]] = ("at", "step_s", "name")

    at: str
    step_s: int
    name: str = ""
