"""The stretch of time that a job's pages show: read from the address, and shifted.

``range=24h`` is a stretch until now; ``from`` and ``to`` are moments as people write
them, by the clocks of ``zone`` or of UTC; with ``at``, in UTC, the page stands at a
moment of the past, and the stretch ends there.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from urllib.parse import urlencode

from msgspec import Struct
from msgspec.structs import replace

from pangea.core.durations import format_duration
from pangea.core.errors import UsageError
from pangea.core.maintenance import zone_of
from pangea.core.moments import parse_moment
from pangea.core.uptime import Span

HOUR, DAY = 3600, 86400
#: What the picker offers: how long, and in how many points it is drawn well. The
#: points are those of the rollups: ten minutes, an hour, a day, or some of them.
CHOICES = {
    "1h": (HOUR, 120),
    "6h": (6 * HOUR, 180),
    "24h": (DAY, 144),
    "7d": (7 * DAY, 168),
    "30d": (30 * DAY, 180),
    "90d": (90 * DAY, 180),
    "1y": (365 * DAY, 183),
    "2y": (730 * DAY, 183),
}
USUAL, POINTS = "24h", 150
#: A job that was added less than so long ago is new.
NEW_S = 2700
SHORTEST_S, LONGEST_S = 60, 10 * 365 * DAY


class Range(Struct, frozen=True, kw_only=True):
    """A stretch in seconds of UTC; ``word`` is the choice that it is, "" if none.

    ``at`` is the moment of the past that the page stands at, in UTC; ``fault`` says
    why what was asked for is not shown. Times are drawn by the clocks of ``zone``.
    One that ``fits`` nobody asked for: the job is too young for the usual one.
    """

    begin_s: float
    end_s: float
    word: str = ""
    at: str = ""
    fault: str = ""
    zone: tzinfo = UTC
    fits: bool = False

    @property
    def span(self) -> Span:
        """The stretch in microseconds."""
        return Span(round(self.begin_s * 1e6), round(self.end_s * 1e6))

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.end_s - self.begin_s

    @property
    def points(self) -> int:
        """In how many points it is drawn."""
        return CHOICES[self.word][1] if self.word else POINTS

    @property
    def query(self) -> dict[str, str]:
        """The parameters of an address that shows the same stretch."""
        when = {"at": self.at} if self.at else {}
        if self.word:
            return ({} if self.word == USUAL else {"range": self.word}) | when
        return {"from": written(self.begin_s), "to": written(self.end_s)} | when


class Choice(Struct, frozen=True):
    """A link of the picker."""

    word: str
    href: str
    chosen: bool


class Picker(Struct, frozen=True, kw_only=True):
    """The picker: its links, the fields as they are filled in, and the way on.

    ``later`` and ``now`` are "" where the stretch ends at the present moment.
    """

    path: str
    choices: list[Choice]
    begin: str
    end: str
    at: str
    words: str
    fault: str
    earlier: str
    later: str
    now: str
    wider: str
    kept: list[tuple[str, str]]
    zone: str


def read_range(query: Mapping[str, str], now_s: float, zone: tzinfo = UTC) -> Range:
    """Return the stretch that an address asks for, drawn in *zone*; never raises.

    What cannot be read gives the usual stretch, and ``fault`` says so.
    """
    try:
        written_in = zone_of(query["zone"]) if query.get("zone") else UTC
        at = query.get("at", "").strip()
        end = parse_moment(at, now_s) if at else now_s
        # Links lead to that moment, also a while later.
        at = written(math.floor(end)) if at else ""
        shown = _read(query, end, at, written_in)
        if shown.length_s < SHORTEST_S:
            raise UsageError("from must be at least a minute before to")
    except UsageError as error:
        said = f"{error} ({error.hint})" if error.hint else str(error)
        shown = _chosen(USUAL, now_s, "", said)
    return replace(shown, zone=zone)


def _read(query: Mapping[str, str], end_s: float, at: str, zone: tzinfo) -> Range:
    begin, end = query.get("from", "").strip(), query.get("to", "").strip()
    if not begin and not end:
        word = query.get("range", "").strip() or USUAL
        if word not in CHOICES:
            raise UsageError(f"{word[:20]!r} is no range", hint=", ".join(CHOICES))
        return _chosen(word, end_s, at)
    last = parse_moment(end, end_s, zone) if end else end_s
    first = parse_moment(begin, end_s, zone) if begin else last - DAY
    first = max(first, last - LONGEST_S, 0.0)
    return Range(begin_s=first, end_s=last, at=at)


def _chosen(word: str, end_s: float, at: str, fault: str = "") -> Range:
    begin = max(end_s - CHOICES[word][0], 0.0)
    return Range(begin_s=begin, end_s=end_s, word=word, at=at, fault=fault)


def since_added(shown: Range, age_s: float) -> Range:
    """Return the usual stretch, or a shorter one that fits a job so young."""
    if age_s < NEW_S:
        # What is hardly there yet is seen from close by, whole minutes of it.
        minutes = max(math.ceil(age_s * 1.15 / 60), 10)
        return replace(shown, word="", begin_s=shown.end_s - minutes * 60, fits=True)
    for word, (length, _) in CHOICES.items():
        if age_s <= length < CHOICES[USUAL][0]:
            return replace(shown, word=word, begin_s=shown.end_s - length, fits=True)
    return shown


def written(at_s: float, zone: tzinfo = UTC) -> str:
    """Return a moment as a field of the picker has it, to the second if need be.

    Of an hour that comes twice it says by its offset which one is meant.
    """
    at = datetime.fromtimestamp(round(at_s), zone)
    if at.utcoffset() != at.replace(fold=1 - at.fold).utcoffset():
        return at.isoformat()
    return at.strftime("%Y-%m-%d %H:%M:%S" if at.second else "%Y-%m-%d %H:%M")


def address(path: str, query: Mapping[str, str]) -> str:
    """Return *path* with what is not empty of *query*."""
    given = {key: value for key, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def picker(
    path: str, shown: Range, now_s: float, kept: Mapping[str, str] | None = None
) -> Picker:
    """Return the picker of a page; *kept* are its other parameters."""
    others = {k: v for k, v in (kept or {}).items() if v}
    stands = {"at": shown.at} if shown.at else {}

    def link(more: Mapping[str, str]) -> str:
        return address(path, {**more, **others})

    def asked(word: str) -> str:
        # What nobody asks for is what fits a young job.
        return "" if word == USUAL and not shown.fits else word

    def moved(begin_s: float, end_s: float) -> str:
        at = {"from": written(max(begin_s, 0.0)), "to": written(end_s)}
        return link(at)

    length, is_last = shown.length_s, shown.end_s >= now_s - 1
    fitting = Choice(format_duration(length), link(stands), True)
    end = min(shown.end_s + length / 2, now_s)
    later = link({"range": shown.word}) if end >= now_s - 1 and shown.word else ""
    around = (shown.begin_s - length / 2, min(shown.end_s + length / 2, now_s))
    return Picker(
        path=path,
        choices=[
            *([fitting] if shown.fits and not shown.word else []),
            *(
                Choice(word, link({"range": asked(word), **stands}), word == shown.word)
                for word in CHOICES
            ),
        ],
        begin=written(shown.begin_s, shown.zone),
        end=written(shown.end_s, shown.zone),
        at=shown.at,
        words=in_words(shown),
        fault=shown.fault,
        earlier=moved(shown.begin_s - length / 2, shown.end_s - length / 2),
        later="" if is_last else later or moved(end - length, end),
        now="" if is_last and not shown.at else link({"range": shown.word}),
        wider=moved(*around),
        kept=list(others.items()),
        zone="" if shown.zone is UTC else str(shown.zone),
    )


def in_words(shown: Range) -> str:
    """Return the stretch for people, by the clocks of its zone."""
    begin = datetime.fromtimestamp(shown.begin_s, shown.zone)
    end = datetime.fromtimestamp(shown.end_s, shown.zone)
    same = begin.date() == end.date()
    first = begin.strftime("%d %b %Y %H:%M")
    last = end.strftime("%H:%M" if same else "%d %b %Y %H:%M")
    return f"{first} – {last} {end.tzname()}, {format_duration(shown.length_s)}"
