"""Incidents: the stretch in which a job is not well, until it is up again.

Values in, values out: what is open and what happened to it. An incident has one
member, its job, or many that share a cause (``core.storm``).
"""

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from .cause import Cause
from .model import Verdict
from .verdict import Transition

#: A job that fails again so soon had not recovered: one incident, one page.
REOPEN_S = 600.0
BAD = (Verdict.DEGRADED, Verdict.DOWN)
#: Letters of an id: 50 bits, so that among a million of them two are hardly alike.
ID_LETTERS = 10


class Entry(Struct, frozen=True, kw_only=True):
    """A line of the timeline: what happened, when, by whom ("" for nobody)."""

    kind: str
    at_us: int
    who: str = ""
    text: str = ""
    data: dict[str, Any] = field(default_factory=dict)


class Member(Struct, frozen=True, kw_only=True):
    """A job of an incident; ``recovered_us`` is 0 while it is not well.

    ``joined_us`` is when it first was, ``bad_us`` when it last became unwell.
    """

    job: int
    name: str
    joined_us: int
    bad_us: int
    verdict: Verdict
    reason: str = ""
    recovered_us: int = 0


class Incident(Struct, frozen=True, kw_only=True):
    """What is known of one incident; ``closed_us`` is 0 while it is open.

    ``job`` is the first of its ``members``, ``worst`` the worst verdict it had.
    ``first_fail_us`` is when the first failing probe began, ``confirmed_us`` when
    the verdict followed. ``causes`` are those that all members share, the one that
    is shown first. One that ``merged_into`` another is told of there. What is
    ``backfilled`` was found in late results, what is ``retracted`` never was, and
    a ``drill`` was on purpose. ``flapping`` are the members that are, and at
    ``latest_us`` the last one joined; ``downs`` and ``degradeds`` count what they are.
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


def incident_id(org: int, job: int, opened_us: int) -> str:
    """Return the id of an incident: the same for everybody who sees it open."""
    said = f"{org}/{job}/{opened_us}".encode()
    digest = hashlib.blake2b(said, digest_size=8, person=b"incident").digest()
    return base64.b32encode(digest).decode().lower()[:ID_LETTERS]


def begin(
    org: int,
    name: str,
    change: Transition,
    *,
    first_fail_us: int = 0,
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
        confirmed_us=change.at_us,
        members={change.job: member},
        causes=causes,
        drill=drill,
        downs=int(change.after is Verdict.DOWN),
        degradeds=int(change.after is Verdict.DEGRADED),
    )
    return Step(incident, (_entry("opened", change, name, at_us),), (change.job,))


def follow(incident: Incident, change: Transition) -> Step:
    """Return *incident* after a member's verdict has changed.

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
        entries = (_entry("reopened", change, member.name),)
        incident = replace(incident, closed_us=0, reopened=incident.reopened + 1)
    bad = replace(
        member,
        verdict=change.after,
        reason=change.reason,
        bad_us=change.at_us if member.recovered_us else member.bad_us,
        recovered_us=0,
    )
    return Step(put(incident, bad, change.at_us), entries, (bad.job,))


def may_reopen(incident: Incident, at_us: int) -> bool:
    """Tell whether a failure at *at_us* belongs to *incident*, though it is closed.

    Also one from before it closed, of a clock that was set back.
    """
    counts = not (incident.merged_into or incident.retracted)
    return counts and at_us <= incident.closed_us + round(REOPEN_S * 1e6)


def leave(incident: Incident, job: int, at_us: int, why: str) -> Step:
    """Return *incident* without waiting for *job*, which is judged no more."""
    member = incident.members[job]
    gone = replace(member, recovered_us=member.recovered_us or at_us)
    entry = Entry(kind="left", at_us=at_us, text=f"{member.name}: {why}")
    without = put(incident, gone, at_us)
    flaps = tuple(j for j in without.flapping if j != job)
    step = Step(replace(without, flapping=flaps), (entry,), (job,))
    return step.then(settle(step.incident, at_us))


def settle(incident: Incident, at_us: int) -> Step:
    """Return *incident*, closed if all members are well and none flaps."""
    if incident.unwell or incident.flapping or not incident.is_open:
        return Step(incident)
    closed_us = max(at_us, incident.opened_us)
    closed = replace(incident, closed_us=closed_us, updated_us=closed_us)
    return Step(closed, (Entry(kind="closed", at_us=closed_us),))


def flap(incident: Incident, job: int, pct: float, at_us: int, *, begins: bool) -> Step:
    """Return *incident* as *job* begins to flap, or no longer does."""
    name = incident.members[job].name
    others = tuple(j for j in incident.flapping if j != job)
    kind, told = ("flapping", "over") if begins else ("steady", "only")
    text = f"{name}: {told} {pct:.0f} % of its last states were changes"
    entry = Entry(kind=kind, at_us=at_us, text=text, data={"flap_pct": round(pct, 1)})
    after = replace(
        incident, flapping=(*others, job) if begins else others, updated_us=at_us
    )
    step = Step(after, (entry,))
    return step if begins else step.then(settle(after, at_us))


def acknowledge(incident: Incident, who: str, text: str, at_us: int) -> Step:
    """Return *incident*, which *who* takes care of."""
    acked = replace(
        incident, acked_us=at_us, acked_by=who, ack_text=text, updated_us=at_us
    )
    return Step(acked, (Entry(kind="acknowledged", at_us=at_us, who=who, text=text),))


def comment(incident: Incident, who: str, text: str, at_us: int) -> Step:
    """Return *incident* with a remark of *who* on its timeline."""
    entry = Entry(kind="comment", at_us=at_us, who=who, text=text)
    return Step(replace(incident, updated_us=at_us), (entry,))


def put(incident: Incident, member: Member, at_us: int) -> Incident:
    """Return *incident* with *member*, and the verdict that its members have."""
    before = incident.members.get(member.job)
    downs = incident.downs + _is(member, Verdict.DOWN) - _is(before, Verdict.DOWN)
    degradeds = (
        incident.degradeds
        + _is(member, Verdict.DEGRADED)
        - _is(before, Verdict.DEGRADED)
    )
    verdict = incident.verdict
    if downs or degradeds:
        verdict = Verdict.DOWN if downs else Verdict.DEGRADED
    return replace(
        incident,
        members={**incident.members, member.job: member},
        downs=downs,
        degradeds=degradeds,
        verdict=verdict,
        worst=Verdict.DOWN if downs else incident.worst,
        reason=incident.reason if member.recovered_us else member.reason,
        updated_us=max(at_us, incident.updated_us),
    )


def _is(member: Member | None, verdict: Verdict) -> bool:
    """Tell whether *member* is there, and *verdict* now."""
    return member is not None and not member.recovered_us and member.verdict is verdict


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


def _recover(incident: Incident, member: Member, change: Transition) -> Step:
    at_us = max(change.at_us, member.joined_us)
    well = replace(member, recovered_us=member.recovered_us or at_us)
    entry = _entry("recovered", change, member.name)
    step = Step(put(incident, well, at_us), (entry,), (member.job,))
    return step.then(settle(step.incident, at_us))


def _entry(kind: str, change: Transition, name: str, at_us: int = 0) -> Entry:
    return Entry(
        kind=kind,
        at_us=at_us or change.at_us,
        text=f"{name}: {change.reason}" if change.reason else name,
        data={"job": name, "before": change.before, "after": change.after},
    )
