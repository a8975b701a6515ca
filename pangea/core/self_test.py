"""When a worker is unwell: what its self-test found comes in, the cause goes out.

Pure. A check that was never good since the start says nothing: a gateway that answers
no ping is no gateway that broke. A stretch of being unwell begins with the last good
test and ends with the first good one, for what broke in between broke then.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from msgspec import Struct

from .model import Outcome, Result

#: The ways out of a worker, by what they are called in its checks.
GATEWAY, RESOLVER, COORDINATOR, PEER = "gateway", "resolver", "coordinator", "peer"
CLOCK, NETWORK = "clock", "network"
#: So many kinds of witnesses must be silent where no gateway answers.
WITNESSES = 2
#: The phase in which a name is looked up.
RESOLVE = "resolve"
#: How a run ends whose name could not be looked up.
_NAMELESS = frozenset({"resolver_failed", "name_not_found", "no_address"})
#: How one ends that may still have been waiting for that.
_SILENT = frozenset({"timeout", "refused", "unreachable"})


class Finding(Struct, frozen=True):
    """What one check found; ``good`` is None if it cannot tell.

    ``far``: the way there leads through a gateway, so that an answer from there
    proves that the gateway works.
    """

    name: str
    good: bool | None
    detail: str = ""
    took_ms: float = 0.0
    far: bool = False

    @property
    def kind(self) -> str:
        """What it looks at: the first word of its name."""
        return self.name.partition(" ")[0]


class SelfTest(Struct, frozen=True):
    """What is known after some tests.

    ``ever`` are the checks that were good once, ``at`` is when the last test began;
    the worker has been unwell ``since`` then with ``cause``, "" while it is well.
    Times are seconds of one clock.
    """

    at: float
    ever: frozenset[str] = frozenset()
    cause: str = ""
    since: float = 0.0


def take(before: SelfTest, findings: Iterable[Finding], began: float) -> SelfTest:
    """Return what is known after a test that *began* then and found *findings*."""
    findings = list(findings)
    ever = before.ever | {f.name for f in findings if f.good}
    cause = cause_of(findings, ever)
    if cause and kind_of(cause) == kind_of(before.cause):
        return SelfTest(began, ever, before.cause, before.since)
    return SelfTest(began, ever, cause, before.at if cause else 0.0)


def kind_of(cause: str) -> str:
    """Return the check that a cause is about."""
    return cause.partition(":")[0]


def cause_of(findings: Iterable[Finding], ever: Collection[str]) -> str:
    """Return why a worker is unwell that found this, "" if it is not.

    A gateway is down if it is silent and nothing beyond it answers. Where there is
    none that ever answered, the resolver, the coordinator and the peers are
    witnesses: two kinds of them at least, and all silent. The event loop and the
    disk make nobody unwell: the first is told with each result, and what is true
    stays true on a full disk.
    """
    told = [f for f in findings if f.good or (f.good is False and f.name in ever)]
    for finding in told:
        if finding.kind == CLOCK and not finding.good:
            return f"{CLOCK}: {finding.detail}"
    gates = [f for f in told if f.kind == GATEWAY]
    others = [f for f in told if f.kind in (RESOLVER, COORDINATOR, PEER) and f.far]
    if not any(f.good for f in gates + others):
        if gates:
            return f"{GATEWAY}: {gates[0].detail}"
        if len({f.kind for f in others}) >= WITNESSES:
            names = ", ".join(f.name for f in others)
            return f"{NETWORK}: no answer from {names}"
    resolvers = [f for f in told if f.kind == RESOLVER]
    if resolvers and not any(f.good for f in resolvers):
        return f"{RESOLVER}: {resolvers[0].detail}"
    return ""


def concerns(
    cause: str, result: Result, type_: str, options: Mapping[str, Any]
) -> bool:
    """Tell whether a *cause* can have made *result* what it is.

    All causes can but a broken resolver: that concerns who had to look up a name
    there, and no job that asks a name server of its own.
    """
    if kind_of(cause) != RESOLVER:
        return True
    if options.get("resolver"):
        return False
    told = result.readings.get("failure")
    failure = told.get("reason") if isinstance(told, dict) else result.reason
    if result.outcome is Outcome.ERROR or not failure:
        return False
    if failure in _NAMELESS:
        return True
    looked_up_only = result.phases.keys() == {RESOLVE}
    return failure in _SILENT and (type_ == "dns" or looked_up_only)
