"""Evidence: two findings in, what differs between them out, in words.

``difference(failing, healthy)`` is pure. It says first whether both asked the same
address, then what makes the one fail, as far as that can be seen; where nothing
differs it says so.
"""

from collections.abc import Sequence

from .durations import milliseconds
from .finding import Finding, Hop
from .reasons import REASONS

#: Reasons that say: what was sent did not come back.
_CUT = frozenset({"timeout", "unreachable", "loss", "ttl_exceeded"})
#: Reasons that say: there was no address to ask.
_NO_NAME = frozenset({"name_not_found", "resolver_failed", "no_address"})


def difference(failing: Finding, healthy: Finding | None, *, more: bool = False) -> str:
    """Return in a sentence how *failing* differs from *healthy*, if anybody is.

    With *more* others fail beside these two: none is the only one, and two not all.
    """
    alone = _alone(failing, healthy)
    if alone or healthy is None:
        return alone
    said = [_addresses(failing, healthy), *_causes(failing, healthy, more=more)]
    return "; ".join(one for one in said if one)


def _alone(failing: Finding, healthy: Finding | None) -> str:
    """Return what there is to say without comparing, "" if there is a comparison."""
    if not failing.outcome:
        return f"{failing.worker} could not be asked: {failing.refused}"
    if failing.outcome == "error":
        return f"{failing.worker} could not tell: {_why(failing)}"
    if failing.outcome == "ok":
        also = f", as {healthy.worker} does" if healthy and _well(healthy) else ""
        return f"{failing.worker} reaches it again{also}"
    if healthy is None:
        cut = _end_of_way(failing)
        return f"{failing.worker} fails: {_why(failing)}{cut}; nobody else could look"
    if not healthy.outcome:
        could_not = f"{healthy.worker} could not be asked: {healthy.refused}"
        return f"{failing.worker} fails: {_why(failing)}; {could_not}"
    if healthy.outcome == "error":
        could_not = f"{healthy.worker} could not tell: {_why(healthy)}"
        return f"{failing.worker} fails: {_why(failing)}; {could_not}"
    return ""


def _well(finding: Finding) -> bool:
    return finding.outcome == "ok"


def _addresses(one: Finding, other: Finding) -> str:
    """Return whether both asked the same address, as far as both know it."""
    if not one.address or not other.address:
        return ""
    if one.address == other.address:
        return "same address"
    return f"{one.worker} resolves {one.address}, {other.worker} {other.address}"


def _causes(failing: Finding, healthy: Finding, *, more: bool) -> Sequence[str]:
    """Return what makes *failing* fail and *healthy* not, the nearest cause first."""
    if not _well(healthy):
        names = f"{failing.worker} and {healthy.worker}"
        return _both(failing, healthy, names if more else "both")
    who = failing.worker if more else f"only {failing.worker}"
    if failing.reason in _NO_NAME and healthy.address:
        found = f"{healthy.worker} resolves {healthy.address}"
        return [f"{who} cannot resolve the name; {found}"]
    differing = [
        _certificates(failing, healthy),
        _statuses(failing, healthy),
        _answers(failing, healthy),
    ]
    seen = [one for one in differing if one]
    if seen:
        return seen
    way = _ways(failing, healthy, who) if failing.reason in _CUT else ""
    if way:
        return [way]
    spent = f"{healthy.worker} is answered in {milliseconds(healthy.duration_ms)}"
    return [f"{who} fails: {_why(failing)}", spent]


def _both(failing: Finding, other: Finding, who: str) -> Sequence[str]:
    if failing.reason == other.reason:
        ends = {_last(failing.hops), _last(other.hops)} - {""}
        cut = failing.walked and other.walked
        cut = cut and not failing.arrived and not other.arrived
        where = f", beyond {ends.pop()}" if cut and len(ends) == 1 else ""
        return [f"{who} fail alike: {_reason(failing)}{where}"]
    each = ", ".join(f"{f.worker}: {_reason(f)}" for f in (failing, other))
    return [f"{who} fail, but not alike: {each}"]


def _certificates(one: Finding, other: Finding) -> str:
    a, b = one.certificate, other.certificate
    if a is None or b is None or not a.fingerprint or not b.fingerprint:
        return ""
    if a.fingerprint == b.fingerprint:
        return ""
    for what, mine, theirs in (
        ("issuer", a.issuer, b.issuer),
        ("subject", a.subject, b.subject),
        ("until", a.not_after, b.not_after),
        ("fingerprint", a.fingerprint[:16], b.fingerprint[:16]),
    ):
        if mine != theirs:
            said = f"{one.worker} {mine or 'none'}, {other.worker} {theirs or 'none'}"
            return f"certificate differs: {what}: {said}"
    return "certificate differs"


def _statuses(one: Finding, other: Finding) -> str:
    if not one.status or not other.status or one.status == other.status:
        return ""
    return f"{one.worker} gets {one.status}, {other.worker} {other.status}"


def _answers(one: Finding, other: Finding) -> str:
    if not (one.answers or other.answers) or one.answers == other.answers:
        return ""
    mine, theirs = ", ".join(one.answers), ", ".join(other.answers)
    by = f" (by {one.resolver})" if one.resolver != other.resolver else ""
    return (
        f"{one.worker} is answered {mine or 'nothing'}{by}, "
        f"{other.worker} {theirs or 'nothing'}"
    )


def _ways(failing: Finding, healthy: Finding, who: str) -> str:
    """Return where the failing one's packets end, if the other's arrive."""
    if not failing.walked or failing.arrived or not healthy.arrived:
        return ""
    end = _last(failing.hops)
    if not end:
        return f"no hop answers {failing.worker}"
    shared = any(end in hop.addresses for hop in healthy.hops)
    goes_on = f", where {healthy.worker} goes on" if shared else ""
    return f"{who} is cut after {end}{goes_on}"


def first_different_hop(one: Finding, other: Finding) -> int:
    """Return the number of the first hop at which two ways part, 0 if none does.

    A hop that did not answer may have been any.
    """
    theirs = {hop.ttl: hop.addresses for hop in other.hops}
    for hop in one.hops:
        there = theirs.get(hop.ttl, ())
        if hop.addresses and there and not set(hop.addresses) & set(there):
            return hop.ttl
    return 0


def _last(hops: Sequence[Hop]) -> str:
    """Return the address of the last hop that said who it is, "" if none did."""
    known = [hop.addresses[0] for hop in hops if hop.addresses]
    return known[-1] if known else ""


def _end_of_way(finding: Finding) -> str:
    if finding.reason not in _CUT or not finding.walked or finding.arrived:
        return ""
    end = _last(finding.hops)
    return f", cut after {end}" if end else ""


def _reason(finding: Finding) -> str:
    return REASONS.get(finding.reason, finding.reason or "no reason given")


def _why(finding: Finding) -> str:
    return finding.detail or _reason(finding)
