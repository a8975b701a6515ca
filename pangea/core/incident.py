"""Incidents: the stretch in which a job is not well, until it is up again.

Values in, values out: what is open and what happened to it. An incident has one
member, its job, or many that share a cause (``core.storm``).
"""

from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from .cause import Cause
from .headline import Member, head_of, root_of
from .incident_id import incident_id
from .model import Verdict
from .verdict import Transition

#: A job that fails again so soon had not recovered: one incident, one page.
REOPEN_S = 600.0
BAD = (Verdict.DEGRADED, Verdict.DOWN)


class Entry(Struct, frozen=True, kw_only=True):
    """A line of the timeline: what happened, when, by whom ("" for nobody)."""

    kind: str
    at_us: int
    who: str = ""
    text: str = ""
    data: dict[str, Any] = field(default_factory=dict)


class Incident(Struct, frozen=True, kw_only=True):
    """What is known of one incident; ``closed_us`` is 0 while it is open.

    ``job`` is the first of its ``members``, ``worst`` the worst verdict it had.
    ``first_fail_us`` is when the first failing probe began, ``confirmed_us`` when
    it was down, 0 if it was but degraded, and ``alerted_us`` when the first people
    were told, 0 if nobody was; all are of the stretch from ``since_us`` on, if it
    was over for ``away_us`` in between. ``causes`` are those that all
    members share, the one that is shown first. One that ``merged_into`` another is
    told of there. What is ``backfilled`` was found in late results, what is
    ``retracted`` never was, and a ``drill`` was on purpose. ``flapping`` are the
    members that are, and at ``latest_us`` the last one joined; ``downs`` and
    ``degradeds`` count what they are. ``news`` are the jobs of which its
    acknowledgement knew nothing; late results say that ``cleared`` ones were well.
    ``reason`` is that of the ``head``: the ``root`` on
    which the others depend, or the worst.
    """

    id: str
    org: int
    job: int
    title: str
    opened_us: int
    verdict: Verdict
    worst: Verdict
    reason: str = ""
    closed_us: int = 0
    updated_us: int = 0
    first_fail_us: int = 0
    confirmed_us: int = 0
    members: dict[int, Member] = field(default_factory=dict)
    causes: tuple[Cause, ...] = ()
    merged_into: str = ""
    acked_us: int = 0
    acked_by: str = ""
    ack_text: str = ""
    reopened: int = 0
    flapping: tuple[int, ...] = ()
    backfilled: bool = False
    retracted: bool = False
    drill: bool = False
    latest_us: int = 0
    downs: int = 0
    degradeds: int = 0
    news: tuple[int, ...] = ()
    since_us: int = 0
    away_us: int = 0
    head: int = 0
    root: int = 0
    alerted_us: int = 0
    cleared: tuple[int, ...] = ()

    @property
    def unwell(self) -> int:
        """How many members are not well now."""
        return self.downs + self.degradeds

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        return not self.closed_us

    @property
    def is_storm(self) -> bool:
        """Whether several jobs share it."""
        return len(self.members) > 1


class Step(Struct, frozen=True):
    """An incident after a change, the lines it adds, and the members it changed."""

    incident: Incident
    entries: tuple[Entry, ...] = ()
    changed: tuple[int, ...] = ()

    def then(self, later: "Step") -> "Step":
        """Return both changes as one."""
        return Step(
            later.incident,
            self.entries + later.entries,
            tuple(dict.fromkeys(self.changed + later.changed)),
        )


def begin(
    org: int,
    name: str,
    change: Transition,
    *,
    first_fail_us: int = 0,
    confirmed_us: int = 0,
    opened_us: int = 0,
    causes: tuple[Cause, ...] = (),
    drill: bool = False,
) -> Step:
    """Return the incident that *change* opens for the job called *name*.

    It opens at ``opened_us`` if that is later than the change: until then it was
    suppressed.
    """
    at_us = max(change.at_us, opened_us)
    member = Member(
        job=change.job,
        name=name,
        joined_us=at_us,
        bad_us=at_us,
        verdict=change.after,
        reason=change.reason,
    )
    incident = Incident(
        id=incident_id(org, change.job, at_us),
        org=org,
        job=change.job,
        title=name,
        opened_us=at_us,
        updated_us=at_us,
        latest_us=at_us,
        verdict=change.after,
        worst=change.after,
        reason=change.reason,
        first_fail_us=min(first_fail_us or change.at_us, at_us),
        since_us=at_us,
        confirmed_us=_down_at(change, confirmed_us),
        members={change.job: member},
        causes=causes,
        drill=drill,
        downs=int(change.after is Verdict.DOWN),
        degradeds=int(change.after is Verdict.DEGRADED),
    )
    return Step(incident, (_entry("opened", change, name, at_us),), (change.job,))


def follow(
    incident: Incident, change: Transition, times: tuple[int, int] = (0, 0)
) -> Step:
    """Return *incident* after a member's verdict has changed.

    *times* are when the outage was first seen and confirmed, 0 if that is not known.

    ``unknown`` is noted and neither opens nor closes anything; the last ``up``
    closes it, unless a member flaps. One that is closed is opened again.
    """
    member = incident.members[change.job]
    if change.after is Verdict.UNKNOWN:
        noted = replace(incident, updated_us=change.at_us)
        return Step(noted, (_entry("unknown", change, member.name),))
    if change.after is Verdict.UP:
        return _recover(incident, member, change)
    kind = "failed again" if member.recovered_us else "verdict"
    entries: tuple[Entry, ...] = (_entry(kind, change, member.name),)
    if not incident.is_open:
        incident = renewed(incident, member.job)
        entries = (_entry("reopened", change, member.name, new=is_new(incident)),)
        incident = again(incident, change.at_us, times[0] or change.at_us)
    bad = replace(
        member,
        verdict=change.after,
        reason=change.reason,
        bad_us=change.at_us if member.recovered_us else member.bad_us,
        recovered_us=0,
    )
    incident = _confirmed(incident, change, *times)
    return Step(put(incident, bad, change.at_us), entries, (bad.job,))


def again(incident: Incident, at_us: int, first_fail_us: int) -> Incident:
    """Return *incident*, which was over, open once more from *at_us* on."""
    return replace(
        incident,
        closed_us=0,
        reopened=incident.reopened + 1,
        since_us=at_us,
        away_us=incident.away_us + max(at_us - incident.closed_us, 0),
        first_fail_us=min(first_fail_us, at_us),
        confirmed_us=0,
        alerted_us=0,
    )


def _confirmed(
    incident: Incident, change: Transition, first_us: int, at_us: int
) -> Incident:
    """Return *incident* with the times of what is down by *change*, if that is new."""
    if incident.confirmed_us or change.after is not Verdict.DOWN:
        return incident
    known_us = incident.first_fail_us
    first_us = min(first_us, known_us) if incident.is_storm else first_us
    down_us = _down_at(change, at_us)
    return replace(incident, first_fail_us=first_us or known_us, confirmed_us=down_us)


def _down_at(change: Transition, at_us: int) -> int:
    return (at_us or change.at_us) if change.after is Verdict.DOWN else 0


def may_reopen(incident: Incident, at_us: int) -> bool:
    """Tell whether a failure at *at_us* belongs to *incident*, though it is closed.

    Also one from before it closed, of a clock that was set back.
    """
    counts = not (incident.merged_into or incident.retracted)
    return counts and at_us <= incident.closed_us + round(REOPEN_S * 1e6)


def renewed(incident: Incident, *jobs: int) -> Incident:
    """Return *incident* with *jobs* as news to whoever has acknowledged it."""
    if not incident.acked_us:
        return incident
    known = set(incident.news)
    added = tuple(job for job in jobs if job not in known)
    return replace(incident, news=incident.news + added) if added else incident


def is_new(incident: Incident) -> dict[str, Any]:
    """Return what a line says that an acknowledgement does not cover."""
    return {"new_since_ack": True} if incident.acked_us else {}


def settle(incident: Incident, at_us: int) -> Step:
    """Return *incident*, closed if all members are well and none flaps."""
    if incident.unwell or incident.flapping or not incident.is_open:
        return Step(incident)
    closed_us = max(at_us, incident.opened_us)
    closed = replace(incident, closed_us=closed_us, updated_us=closed_us)
    return Step(closed, (Entry(kind="closed", at_us=closed_us),))


def put(incident: Incident, member: Member, at_us: int) -> Incident:
    """Return *incident* with *member*, and the verdict that its members have."""
    before = incident.members.get(member.job)
    downs = incident.downs + _is(member, Verdict.DOWN) - _is(before, Verdict.DOWN)
    degradeds = (
        incident.degradeds
        + _is(member, Verdict.DEGRADED)
        - _is(before, Verdict.DEGRADED)
    )
    some = Verdict.DEGRADED if degradeds else None
    worst = Verdict.DOWN if downs else some
    members = {**incident.members, member.job: member}
    root = incident.root or root_of(incident.causes, (member,))
    known = incident.head or incident.job
    head = head_of(members, known, root, before, member, worst)
    return replace(
        incident,
        members=members,
        root=root,
        head=head,
        downs=downs,
        degradeds=degradeds,
        verdict=worst or incident.verdict,
        worst=Verdict.DOWN if downs else incident.worst,
        reason=incident.reason if members[head].recovered_us else members[head].reason,
        updated_us=max(at_us, incident.updated_us),
    )


def _is(member: Member | None, verdict: Verdict) -> bool:
    """Tell whether *member* is there, and *verdict* now."""
    return member is not None and not member.recovered_us and member.verdict is verdict


def _recover(incident: Incident, member: Member, change: Transition) -> Step:
    at_us = max(change.at_us, member.joined_us)
    well = replace(member, recovered_us=member.recovered_us or at_us)
    entry = _entry("recovered", change, member.name)
    step = Step(put(incident, well, at_us), (entry,), (member.job,))
    return step.then(settle(step.incident, at_us))


def _entry(
    kind: str,
    change: Transition,
    name: str,
    at_us: int = 0,
    new: dict[str, Any] | None = None,
) -> Entry:
    return Entry(
        kind=kind,
        at_us=at_us or change.at_us,
        text=f"{name}: {change.reason}" if change.reason else name,
        data={
            "job": name,
            "before": change.before,
            "after": change.after,
            **(new or {}),
        },
    )
