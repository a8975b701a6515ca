"""What keeps an incident open, or no longer does: jobs that leave, or flap."""

from msgspec.structs import replace

from .incident import Entry, Incident, Step, put, settle


def leave(incident: Incident, job: int, at_us: int, why: str) -> Step:
    """Return *incident* without waiting for *job*, which is judged no more."""
    member = incident.members[job]
    gone = replace(member, recovered_us=member.recovered_us or at_us)
    entry = Entry(kind="left", at_us=at_us, text=f"{member.name}: {why}")
    without = put(incident, gone, at_us)
    flaps = tuple(j for j in without.flapping if j != job)
    step = Step(replace(without, flapping=flaps), (entry,), (job,))
    return step.then(settle(step.incident, at_us))


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
