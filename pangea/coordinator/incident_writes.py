"""What incidents leave behind in a transaction: rows for it, and words after it."""

from typing import Any, TypeVar

from pangea.core.incident import Entry, Incident, Step
from pangea.storage import incidents as stored
from pangea.web.schema import moment

from .decided import Decided

#: Lines of one incident that wait in memory while the database refuses, and lines of
#: all of them.
MOST_LINES, MOST_WAITING = 500, 20_000
#: Among so many of the last writes is the one that takes in more of its kind.
NEAR = 8


W = TypeVar("W", "IncidentWrites", "Lines")


class IncidentWrites:
    """All steps of one transaction; of one incident they are joined.

    In a storm of thousands each step has all members, so none but the last is kept.
    """

    def __init__(self) -> None:
        self._last: dict[str, Incident] = {}
        self._entries: dict[str, list[Entry]] = {}
        self._changed: dict[str, dict[int, None]] = {}
        self._told: dict[str, dict[str, Any]] = {}

    def __call__(self) -> None:
        """Store them; within the transaction."""
        for step in self.steps():
            stored.save(step)

    def steps(self) -> list[Step]:
        """Return a step for each incident."""
        return [
            Step(incident, tuple(self._entries[id_]), tuple(self._changed[id_]))
            for id_, incident in self._last.items()
        ]

    def join(self, later: "IncidentWrites") -> None:
        """Take in what was to be written after this; of too many lines the last."""
        self._last |= later._last
        self._told |= later._told
        for id_, entries in later._entries.items():
            held = [*self._entries.get(id_, ()), *entries]
            self._entries[id_] = held[:1] + held[1:][-MOST_LINES:]
        for id_, changed in later._changed.items():
            self._changed.setdefault(id_, {}).update(changed)

    def take(self, step: Step, decided: Decided) -> None:
        """Add a step, and let *decided* tell of its incident once."""
        incident = step.incident
        self._last[incident.id] = incident
        self._entries.setdefault(incident.id, []).extend(step.entries)
        self._changed.setdefault(incident.id, {}).update(dict.fromkeys(step.changed))
        if incident.id not in self._told:
            self._told[incident.id] = {}
            decided.told.append(("incident", incident.org, self._told[incident.id]))
        self._told[incident.id].update(_words(step))


class Lines:
    """Lines of timelines that come with no step, of all incidents in one go."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, Entry]] = []

    def __call__(self) -> None:
        """Store them; within the transaction."""
        stored.add_lines(self._lines)

    def add(self, incident: str, entry: Entry) -> None:
        """Add a line to an incident that is stored before."""
        self._lines.append((incident, entry))

    def join(self, later: "Lines") -> None:
        """Take in what was to be written after this; of too many the last."""
        self._lines = (self._lines + later._lines)[-MOST_WAITING:]


def write(step: Step, decided: Decided) -> None:
    """Have *step* written with *decided*, and told after that."""
    _last(IncidentWrites, decided).take(step, decided)


def write_line(incident: str, entry: Entry, decided: Decided) -> None:
    """Have a line of an *incident* written with *decided*."""
    _last(Lines, decided).add(incident, entry)


def _last(kind: type[W], decided: Decided) -> W:
    """Return the last write of a *kind*, which takes in more: in a storm there is one.

    Incidents are written before lines of theirs that were added in between.
    """
    for known in reversed(decided.writes[-NEAR:]):
        if isinstance(known, kind):
            return known
    made = kind()
    decided.writes.append(made)
    return made


def state_of(incident: Incident) -> str:
    """Return how far an incident is, in one word."""
    if incident.retracted:
        return "retracted"
    if incident.merged_into:
        return "merged"
    if not incident.is_open:
        return "closed"
    return "acknowledged" if incident.acked_us else "open"


def _words(step: Step) -> dict[str, Any]:
    incident = step.incident
    at_us, change = incident.updated_us, "changed"
    for entry in step.entries[-1:]:
        at_us, change = entry.at_us, entry.kind
    return {
        "incident": incident.id,
        "title": incident.title,
        "state": state_of(incident),
        "verdict": incident.verdict,
        "change": change,
        "jobs": len(incident.members),
        "at": moment(at_us),
        "new_since_ack": len(incident.news),
        "acknowledged_by": incident.acked_by,
        **({"drill": True} if incident.drill else {}),
    }
