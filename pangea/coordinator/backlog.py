"""What waits in memory while the database refuses: as little as says the same."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from pangea.core.uptime import Span
from pangea.storage import lateness

from .decided import Decided
from .incident_writes import IncidentWrites, Lines

#: Events for open pages, and writes that nothing later makes needless.
MOST_TOLD = 10_000
MOST_WRITES = 100_000

Told = tuple[str, int, dict[str, Any]]


class LateMarks:
    """Marks the stretches of jobs that results came late for; of a job they join."""

    def __init__(self, stretches: Iterable[tuple[int, Span]]) -> None:
        self._spans = dict(stretches)

    def __call__(self) -> None:
        """Store them; within the transaction."""
        lateness.mark_late(list(self._spans.items()))

    def join(self, later: "LateMarks") -> None:
        """Take in what was marked after this."""
        for job, span in later._spans.items():
            held = self._spans.get(job, span)
            begin = min(held.begin_us, span.begin_us)
            self._spans[job] = Span(begin, max(held.end_us, span.end_us))


class Latest:
    """A write that makes all earlier ones with the same *key* needless."""

    def __init__(self, key: object, do: Callable[[], None]) -> None:
        self.key, self._do = key, do

    def __call__(self) -> None:
        """Do it; within the transaction."""
        self._do()


def shorten(decided: Decided, most: int) -> int:
    """Drop the oldest lines of each log beyond *most*; return how many.

    Of the rest goes what later things make needless, and the oldest of too much.
    """
    dropped = 0
    for lines in (decided.changes, decided.transitions):
        dropped += max(0, len(lines) - most)
        del lines[: max(0, len(lines) - most)]
    decided.told[:] = _last_told(decided.told)[-MOST_TOLD:]
    writes = _joined(decided.writes)
    dropped += max(0, len(writes) - MOST_WRITES)
    decided.writes[:] = writes[-MOST_WRITES:]
    return dropped


def _last_told(told: list[Told]) -> list[Told]:
    """Return *told* with no more than the last word of each incident."""
    last = {
        words["incident"]: at
        for at, (kind, _, words) in enumerate(told)
        if kind == "incident"
    }
    return [
        each
        for at, each in enumerate(told)
        if each[0] != "incident" or last[each[2]["incident"]] == at
    ]


def _joined(writes: list[Callable[[], None]]) -> list[Callable[[], None]]:
    """Return *writes* with one for each thing that is said again and again."""
    incidents, late, lines = IncidentWrites(), LateMarks(()), Lines()
    found: dict[object, Callable[[], None]] = {}
    for number, write in enumerate(writes):
        if isinstance(write, IncidentWrites):
            incidents.join(write)
            found[IncidentWrites] = incidents
        elif isinstance(write, LateMarks):
            late.join(write)
            found[LateMarks] = late
        elif isinstance(write, Lines):
            lines.join(write)
            found[Lines] = lines
        elif isinstance(write, Latest):
            found.pop(write.key, None)
            found[write.key] = write
        else:
            found[number] = write
    return list(found.values())


def keep_latest(key: object, do: Callable[..., None], *given: object) -> Latest:
    """Return a write of what is *given*, alone of those with *key*."""
    return Latest(key, partial(do, *given))
