"""What a corrected log means for incidents: some were missed, others never were."""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from .incident import BAD, Entry, Incident, Step, begin, follow, may_reopen
from .uptime import Span
from .verdict import Transition

LATE = "known only by results that came late"
NEVER = "results that came late say that it was well"


class Amended(Struct, frozen=True):
    """The incidents to be made, and those that never were."""

    missed: tuple[Step, ...]
    never: tuple[Step, ...]


def amend(
    org: int,
    name: str,
    turns: Sequence[Transition],
    known: Iterable[Incident],
    whole: Span,
    now_us: int,
    quiet: Sequence[Span] = (),
) -> Amended:
    """Return what becomes of the incidents of one job within *whole*.

    *turns* are the corrected transitions, from the last one before on; *known* the
    incidents that there are, which this job alone is a member of. What is open, or
    was not over when *whole* ended, is left to the present. Within *quiet*, which was
    planned, none is made.
    """
    true = stretches(org, name, turns)
    known = [i for i in known if not i.retracted]
    missed = [
        _backfilled(i, now_us)
        for i in true
        if not i.is_open
        and whole.begin_us <= i.opened_us < whole.end_us
        and not any(_meet(i, other) for other in known)
        and not any(s.begin_us <= i.opened_us < s.end_us for s in quiet)
    ]
    never = [
        _retracted(i, now_us)
        for i in known
        if not i.is_open
        and whole.begin_us <= i.opened_us
        and i.closed_us <= whole.end_us
        and not any(_meet(i, other) for other in true)
    ]
    return Amended(tuple(missed), tuple(never))


def stretches(org: int, name: str, changes: Iterable[Transition]) -> list[Incident]:
    """Return the incidents of one job that its *changes*, oldest first, make."""
    found: list[Incident] = []
    for change in changes:
        last = found[-1] if found else None
        if last and (last.is_open or may_reopen(last, change.at_us)):
            if last.is_open or change.after in BAD:
                found[-1] = follow(last, change).incident
        elif change.after in BAD:
            found.append(begin(org, name, change).incident)
    return found


def _meet(one: Incident, other: Incident) -> bool:
    """Tell whether two incidents were at one time."""
    ends = (i.closed_us or 1 << 62 for i in (one, other))
    return max(one.opened_us, other.opened_us) < min(ends)


def _backfilled(incident: Incident, now_us: int) -> Step:
    made = replace(incident, backfilled=True, updated_us=now_us)
    entries = (
        Entry(kind="opened", at_us=made.opened_us, text=f"{made.title}: {made.reason}"),
        Entry(kind="closed", at_us=made.closed_us),
        Entry(kind="backfilled", at_us=now_us, text=LATE),
    )
    return Step(made, entries, tuple(made.members))


def _retracted(incident: Incident, now_us: int) -> Step:
    gone = replace(incident, retracted=True, updated_us=now_us)
    return Step(gone, (Entry(kind="retracted", at_us=now_us, text=NEVER),))
