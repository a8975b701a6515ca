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
    """The incidents to be made, and those that never were, or not with this job."""

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
    *,
    rule: str = "",
) -> Amended:
    """Return what becomes of the incidents of one job within *whole*.

    *turns* are the corrected transitions, from the last one before on; *known* the
    incidents that there are of this job. What is open, or was not over when *whole*
    ended, is left to the present. Within *quiet*, which was planned, none is made. The
    *rule* by which it was judged is told.
    """
    true = stretches(org, name, turns)
    by = f"; judged by the rule that it has now, {rule}" if rule else ""
    known = [i for i in known if not i.retracted]
    job = turns[0].job if turns else 0
    mine = [i for i in known if not i.is_storm or job in i.members]
    were = [(i, _stay(i, job)) for i in mine if job not in i.cleared]
    truly = [_stay(i, job) for i in true]
    missed = [
        _backfilled(i, now_us, by)
        for i in true
        if not i.is_open
        and whole.begin_us <= i.opened_us < whole.end_us
        and not any(_meet(_stay(i, job), stay) for _, stay in were)
        and not any(s.begin_us <= i.opened_us < s.end_us for s in quiet)
    ]
    never = [
        _retracted(i, job, now_us, by)
        for i, stay in were
        if not i.is_open
        and whole.begin_us <= stay.begin_us
        and stay.end_us <= whole.end_us
        and not any(_meet(stay, other) for other in truly)
    ]
    return Amended(tuple(missed), tuple(never))


def _stay(incident: Incident, job: int) -> Span:
    """Return from when until when *job* was unwell in an incident."""
    member = incident.members.get(job)
    end_us = incident.closed_us or 1 << 62
    if member is None or not incident.is_storm:
        return Span(incident.opened_us, end_us)
    return Span(member.joined_us, member.recovered_us or end_us)


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


def _meet(one: Span, other: Span) -> bool:
    """Tell whether two stretches were at one time."""
    return max(one.begin_us, other.begin_us) < min(one.end_us, other.end_us)


def _backfilled(incident: Incident, now_us: int, by: str) -> Step:
    made = replace(incident, backfilled=True, updated_us=now_us)
    entries = (
        Entry(kind="opened", at_us=made.opened_us, text=f"{made.title}: {made.reason}"),
        Entry(kind="closed", at_us=made.closed_us),
        Entry(kind="backfilled", at_us=now_us, text=LATE + by),
    )
    return Step(made, entries, tuple(made.members))


def _retracted(incident: Incident, job: int, now_us: int, by: str) -> Step:
    """Return *incident* as it never was; one of several jobs is without this one."""
    if not incident.is_storm:
        gone = replace(incident, retracted=True, updated_us=now_us)
        return Step(gone, (Entry(kind="retracted", at_us=now_us, text=NEVER + by),))
    cleared = (*incident.cleared, job)
    text = f"{incident.members[job].name}: {NEVER}{by}"
    entries = [Entry(kind="cleared", at_us=now_us, text=text)]
    never = len(cleared) == len(incident.members)
    if never:
        entries.append(Entry(kind="retracted", at_us=now_us, text=NEVER))
    after = replace(incident, cleared=cleared, retracted=never, updated_us=now_us)
    return Step(after, tuple(entries))
