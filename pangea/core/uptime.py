"""Uptime honestly: every moment of a range is exactly one thing, and the sum fits.

Pure: the log of verdicts and some stretches of time go in, seconds come out. What
was paused, in maintenance, a drill, or not measured at all is neither up nor down.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from .model import Verdict
from .verdict import Transition

#: The one definition of the percentage, for whoever shows it.
DEFINITION = "(up + degraded) / (up + degraded + down)"
#: Over how long a burn rate is told, in seconds: an hour, six, three days.
BURN_S = {"1h": 3600.0, "6h": 21600.0, "3d": 259200.0}


class Span(Struct, frozen=True, array_like=True, order=True):
    """A stretch of time, microseconds of UTC; the end is not in it."""

    begin_us: int
    end_us: int


class Aside(Struct, frozen=True):
    """What takes time out of the count; the first that holds is what it was."""

    paused: Sequence[Span] = ()
    maintenance: Sequence[Span] = ()
    drill: Sequence[Span] = ()
    no_data: Sequence[Span] = ()


class Uptime(Struct, frozen=True, kw_only=True):
    """How long a job was what, in seconds; together they are the range."""

    up: float = 0.0
    degraded: float = 0.0
    down: float = 0.0
    unknown: float = 0.0
    maintenance: float = 0.0
    drill: float = 0.0
    paused: float = 0.0
    no_data: float = 0.0

    @property
    def judged(self) -> float:
        """The seconds of which a verdict was known."""
        return self.up + self.degraded + self.down

    @property
    def share(self) -> float | None:
        """The uptime as a share of 1 (see ``DEFINITION``); None if nothing is known."""
        return (self.up + self.degraded) / self.judged if self.judged else None

    @property
    def coverage(self) -> float:
        """The share of the time without pauses in which anything was measured."""
        meant = sum(getattr(self, name) for name in KINDS if name != "paused")
        return 1.0 - self.no_data / meant if meant else 1.0


KINDS = (
    "up",
    "degraded",
    "down",
    "unknown",
    "maintenance",
    "drill",
    "paused",
    "no_data",
)


class Budget(Struct, frozen=True, kw_only=True):
    """What a promise allows: seconds in all and left, and how fast they burn.

    ``burn`` is by window: 1 is just as fast as the promise allows.
    """

    target: float
    total_s: float
    left_s: float
    burn: dict[str, float | None]


def uptime(
    transitions: Iterable[Transition], whole: Span, aside: Aside | None = None
) -> Uptime:
    """Return how long a job was what within *whole*.

    *transitions* are those of the job, oldest first, from the last one before
    *whole* on; before the first one the verdict is what that one left.
    """
    found = kinds(transitions, whole, aside)
    return Uptime(**{name: length(spans) / 1e6 for name, spans in found.items()})


def kinds(
    transitions: Iterable[Transition], whole: Span, aside: Aside | None = None
) -> dict[str, list[Span]]:
    """Return when a job was what within *whole*: of each of ``KINDS`` its stretches.

    They are in order and apart, and together they are *whole*; *transitions* are
    those that ``uptime`` takes.
    """
    found: dict[str, list[Span]] = {name: [] for name in KINDS}
    taken: list[Span] = []
    for name in ("paused", "maintenance", "drill", "no_data"):
        given = getattr(aside, name) if aside else ()
        clipped = merged(_within(given, whole))
        found[name] = without(clipped, taken)
        taken = merged([*taken, *clipped])
    for verdict, stretches in _verdicts(transitions, whole).items():
        found[verdict] = without(stretches, taken)
    return found


def budget(slo: float, whole: Uptime, recent: dict[str, Uptime]) -> Budget:
    """Return the error budget of *slo* percent over the range of *whole*.

    Time that is paused, in maintenance or a drill earns no budget. *recent* are the
    uptimes of the windows whose burn rate is told.
    """
    allowed = 1.0 - slo / 100
    out = ("paused", "maintenance", "drill")
    total = allowed * sum(getattr(whole, k) for k in KINDS if k not in out)
    return Budget(
        target=slo,
        total_s=total,
        left_s=total - whole.down,
        burn={name: _burn(window, allowed) for name, window in recent.items()},
    )


def _burn(window: Uptime, allowed: float) -> float | None:
    if not window.judged or allowed <= 0:
        return None
    return window.down / window.judged / allowed


def bad_spans(transitions: Iterable[Transition], whole: Span) -> list[Span]:
    """Return when the verdict was degraded or down; ``unknown`` ends no outage."""
    found: list[Span] = []
    since: int | None = None
    for verdict, span in pieces(transitions, whole):
        if verdict in (Verdict.DEGRADED, Verdict.DOWN):
            since = span.begin_us if since is None else since
        elif verdict is Verdict.UP and since is not None:
            found.append(Span(since, span.begin_us))
            since = None
    if since is not None:
        found.append(Span(since, whole.end_us))
    return found


def pieces(
    transitions: Iterable[Transition], whole: Span
) -> Iterator[tuple[Verdict, Span]]:
    """Yield the verdicts within *whole*, one after the other, without a hole."""
    at, verdict = whole.begin_us, None
    for turn in transitions:
        if verdict is None:
            verdict = turn.before
        moment = min(max(turn.at_us, at), whole.end_us)
        if moment > at:
            yield verdict, Span(at, moment)
        at, verdict = moment, turn.after
    if at < whole.end_us:
        yield verdict or Verdict.UNKNOWN, Span(at, whole.end_us)


def _verdicts(transitions: Iterable[Transition], whole: Span) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = {}
    for verdict, span in pieces(transitions, whole):
        found.setdefault(str(verdict), []).append(span)
    return found


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return *spans* in order, those that touch or overlap as one."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.begin_us <= found[-1].end_us:
            last = found.pop()
            span = Span(last.begin_us, max(last.end_us, span.end_us))
        if span.end_us > span.begin_us:
            found.append(span)
    return found


def without(spans: Sequence[Span], taken: Sequence[Span]) -> list[Span]:
    """Return what is left of *spans*; both are in order and apart in themselves."""
    left: list[Span] = []
    first = 0
    for span in spans:
        begin = span.begin_us
        while first < len(taken) and taken[first].end_us <= begin:
            first += 1
        for cut in taken[first:]:
            if cut.begin_us >= span.end_us:
                break
            if cut.begin_us > begin:
                left.append(Span(begin, cut.begin_us))
            begin = max(begin, cut.end_us)
        if begin < span.end_us:
            left.append(Span(begin, span.end_us))
    return left


def length(spans: Iterable[Span]) -> int:
    """Return how long *spans* are together, in microseconds."""
    return sum(span.end_us - span.begin_us for span in spans)


def _within(spans: Iterable[Span], whole: Span) -> list[Span]:
    return [
        Span(max(s.begin_us, whole.begin_us), min(s.end_us, whole.end_us))
        for s in spans
        if s.begin_us < whole.end_us and s.end_us > whole.begin_us
    ]
