"""Judges what a server presented before anything is said to it, and remembers that."""

from typing import Any, NamedTuple, Protocol

from pangea.core.failure import ProbeFailed

from .certificates import DAY, Facts, Problem
from .tls_readings import certificate_told

#: seconds for which days left, in hundredths, may be told as they were: half of one
STEADY_S = 0.005 * DAY


class Found(Protocol):
    """What is wrong with a chain, and how it was verified; see ``Verdict``."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What keeps the chain from being good."""
        ...

    @property
    def verified(self) -> tuple[Facts, ...]:
        """The way to a trusted authority, if there is one."""
        ...

    @property
    def until(self) -> float:
        """When it has to be judged anew."""
        ...


class Accepted(NamedTuple):
    """What was presented: what it says, what is wrong, and what is told of it.

    All of it is right from ``since`` until ``until``.
    """

    chain: tuple[Facts, ...]
    problems: tuple[Problem, ...]
    readings: dict[str, Any]
    since: float
    until: float


class Judge(Protocol):
    """What can read and judge a chain."""

    def read(self, chain: tuple[bytes, ...]) -> tuple[Facts, ...]:
        """Return what the certificates say; ProbeFailed ``cert_unreadable``."""
        ...

    def verdict(self, chain: tuple[bytes, ...], host: str, ca_file: str) -> Found:
        """Return what is wrong; ProbeError ``no_trust_store``."""
        ...


def look(
    judge: Judge,
    presented: tuple[bytes, ...],
    host: str,
    ca_file: str | None,
    now: float,
    readings: dict[str, Any],
) -> Accepted:
    """Return what *presented* says and whether it is good for *host* at *now*.

    Without *ca_file* nothing is judged. What can be told although it cannot be judged
    is put into *readings*. Raises what *judge* raises.
    """
    chain = judge.read(presented)
    sent, moments = len(presented), [m for f in chain for m in _dates(f)]
    if ca_file is None:
        told, problems = certificate_told(chain, (), sent, now), ()
        return Accepted(chain, problems, told, now, _until(now, moments))
    try:
        found = judge.verdict(presented, host, ca_file)
    except ProbeFailed:
        readings |= certificate_told(chain, (), sent, now)
        raise
    told = certificate_told(chain, found.verified, sent, now)
    until = min(found.until, _until(now, moments))
    return Accepted(chain, found.problems, told, now, until)


def _dates(facts: Facts) -> tuple[float, float]:
    return facts.not_before, facts.not_after


def _until(now: float, moments: list[float]) -> float:
    return min([now + STEADY_S, *(m for m in moments if m > now)])
