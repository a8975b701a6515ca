"""Storms: many jobs that fail together for one reason are one incident."""

from collections.abc import Iterable

from msgspec.structs import replace

from .cause import KINDS, Cause, ranked
from .headline import Member, root_of
from .incident import Entry, Incident, Step, again, is_new, put, renewed
from .model import Verdict

#: Jobs that go bad within this time of each other may have one cause; fewer than
#: so many are told one by one.
WINDOW_S = 60.0
LEAST = 3
_WINDOW_US = round(WINDOW_S * 1e6)


class Gathering:
    """The jobs that went bad of late and belong to no storm, by what may be why."""

    def __init__(self) -> None:
        self._by_cause: dict[Cause, dict[int, int]] = {}
        self._causes: dict[int, tuple[Cause, ...]] = {}

    def add(self, job: int, at_us: int, causes: Iterable[Cause]) -> Cause | None:
        """Take in a job that went bad; return the cause if that makes a storm.

        Of several it is the one that most jobs share, then the most specific one.
        """
        self.drop(job)
        self._causes[job] = given = ranked(causes)
        found: list[tuple[int, int, Cause]] = []
        for cause in given:
            jobs = self._by_cause.setdefault(cause, {})
            for old in [j for j, at in jobs.items() if abs(at_us - at) > _WINDOW_US]:
                del jobs[old]
            jobs[job] = at_us
            if len(jobs) >= LEAST:
                found.append((len(jobs), -KINDS.index(cause.kind), cause))
        return max(found, key=lambda f: f[:2])[2] if found else None

    def of(self, cause: Cause) -> list[int]:
        """Return the jobs that share *cause*, in the order in which they came."""
        return list(self._by_cause.get(cause, ()))

    def common(self, jobs: Iterable[int], first: Cause) -> tuple[Cause, ...]:
        """Return *first*, and what else all *jobs* have in common."""
        shared = set.intersection(*(set(self._causes[job]) for job in jobs))
        return (first, *(c for c in ranked(shared) if c != first))

    def drop(self, job: int) -> None:
        """Forget a job: it has recovered, or belongs to a storm."""
        for cause in self._causes.pop(job, ()):
            jobs = self._by_cause.get(cause, {})
            jobs.pop(job, None)
            if not jobs:
                self._by_cause.pop(cause, None)


def fits(storm: Incident, causes: Iterable[Cause], at_us: int) -> tuple[Cause, ...]:
    """Return the causes that *storm* has with a job that went bad at *at_us*.

    None if it does not belong there: it shares nothing with all members, or the last
    of them joined longer ago than the window.
    """
    given = set(causes)
    young = abs(at_us - storm.latest_us) <= _WINDOW_US
    return tuple(cause for cause in storm.causes if cause in given) if young else ()


def join(storm: Incident, member: Member, causes: tuple[Cause, ...]) -> Step:
    """Return *storm* with one more member; *causes* are those that remain shared."""
    known = storm.members.get(member.job)
    if known is not None:
        member = replace(member, joined_us=known.joined_us)
    after = put(_caused(storm, causes), member, member.bad_us)
    down_us = member.bad_us if member.verdict is Verdict.DOWN else 0
    joined = replace(
        after, latest_us=member.bad_us, confirmed_us=storm.confirmed_us or down_us
    )
    joined = renewed(joined, member.job)
    return Step(
        titled(joined), (_joined(joined, member, member.bad_us),), (member.job,)
    )


def merge(
    alone: list[Incident], causes: tuple[Cause, ...], at_us: int
) -> tuple[Step, list[Step]]:
    """Make one incident of several with one member each, for a cause they share.

    Returns the storm, which is the one that opened first, and the others, which
    are closed and say where they went.
    """
    lead, *others = sorted(alone, key=lambda i: (i.opened_us, i.id))
    storm = replace(
        _timed(_caused(lead, causes), alone),
        latest_us=at_us,
        flapping=tuple(j for i in alone for j in i.flapping),
        drill=all(i.drill for i in alone),
    )
    unknown = [job for i in others if not i.acked_us for job in i.members]
    step = _gather(renewed(storm, *unknown), others, at_us)
    return step, [_merged(other, lead, at_us) for other in others]


def reopen(
    storm: Incident, alone: list[Incident], causes: tuple[Cause, ...], at_us: int
) -> tuple[Step, list[Step]]:
    """Open a *storm* that was over again: enough jobs have its cause once more.

    Returns it, and the incidents that these have had *alone*, as ``merge`` does.
    """
    found = sorted(alone, key=lambda i: (i.opened_us, i.id))
    first_us = min(i.first_fail_us for i in found)
    opened = replace(
        _timed(again(_caused(storm, causes), found[0].opened_us, first_us), found),
        latest_us=at_us,
        flapping=tuple(j for i in found for j in i.flapping),
    )
    step = _gather(
        renewed(opened, *(j for i in found for j in i.members)), found, at_us
    )
    entry = Entry(
        kind="reopened",
        at_us=at_us,
        text=f"{len(step.changed)} jobs again: {causes[0].words}",
        data=is_new(storm),
    )
    step = Step(step.incident, (entry, *step.entries[1:]), step.changed)
    return step, [_merged(other, storm, at_us) for other in found]


def _gather(storm: Incident, others: list[Incident], at_us: int) -> Step:
    """Return *storm* with the members of *others*."""
    members = [m for i in others for m in i.members.values()]
    for member in members:
        known = storm.members.get(member.job)
        if known is not None:
            member = replace(member, joined_us=known.joined_us)
        storm = put(storm, member, at_us)
    told = [_joined(storm, m, at_us) for m in members]
    text = f"{len(storm.members)} jobs within a minute: {storm.causes[0].words}"
    entries = (Entry(kind="storm", at_us=at_us, text=text), *told)
    return Step(titled(storm), entries, tuple(m.job for m in members))


def _joined(storm: Incident, member: Member, at_us: int) -> Entry:
    new = is_new(storm) if member.job in storm.news else {}
    return Entry(kind="joined", at_us=at_us, text=_line(member), data=new)


def titled(storm: Incident) -> Incident:
    """Return *storm* with the title that says how many, and why."""
    count, words = len(storm.members) - bool(storm.root), storm.causes[0].words
    title = f"{count} jobs: {words}"
    if count == 1:
        title = f"1 job: depends on {storm.causes[0].value}"
    return replace(storm, title=title)


def _caused(storm: Incident, causes: tuple[Cause, ...]) -> Incident:
    """Return *storm* with the *causes* that its members share now."""
    if storm.is_storm and causes[:1] == storm.causes[:1]:
        return replace(storm, causes=causes)
    root = root_of(causes, storm.members.values())
    return replace(storm, causes=causes, root=root, head=root or storm.head)


def _timed(storm: Incident, alone: list[Incident]) -> Incident:
    """Return *storm* first seen and confirmed as the first of those *alone* were."""
    return replace(
        storm,
        first_fail_us=min(i.first_fail_us for i in alone),
        confirmed_us=min((i.confirmed_us for i in alone if i.confirmed_us), default=0),
    )


def _merged(incident: Incident, lead: Incident, at_us: int) -> Step:
    closed_us = max(at_us, incident.opened_us)
    merged = replace(
        incident, merged_into=lead.id, closed_us=closed_us, updated_us=closed_us
    )
    entry = Entry(kind="merged", at_us=closed_us, text=f"goes on as {lead.id}")
    return Step(merged, (entry,))


def _line(member: Member) -> str:
    return f"{member.name}: {member.reason}" if member.reason else member.name
