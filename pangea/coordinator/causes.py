"""What a job that fails may have in common with others, as the board knows it."""

import functools
from collections.abc import Iterable, Iterator

from pangea.core.cause import Cause, ranked, subnet_of
from pangea.core.errors import UsageError
from pangea.core.model import Job, Outcome, Result, VoteValue
from pangea.core.text import safe_text
from pangea.core.verdict import JobState
from pangea.core.votes import GOOD
from pangea.probes.target import parse_host_port, parse_url

from .board import Board

#: Reasons that speak of a name server, and of whoever signed a certificate.
_NAMES = frozenset({"name_not_found", "resolver_failed", "no_address"})
_SIGNED = ("cert_", "ocsp")
_FAILED = Outcome.FAILED


class Causes:
    """Tells the causes of jobs; remembers what their failing results have read."""

    def __init__(self, board: Board) -> None:
        self._board = board
        #: Job → address and issuer that its last failing results named.
        self._read: dict[int, tuple[str, str]] = {}

    def heard(self, results: Iterable[Result]) -> None:
        """Remember what failing *results* say of the way to their target."""
        for result in results:
            if result.outcome is not _FAILED:
                continue
            address = _text(result.readings.get("address"))
            issuer = _text(result.readings.get("issuer"))
            if address or issuer:
                self._read[result.job] = (address, issuer)

    def forget(self, job: int) -> None:
        """Forget a job that is well, or gone."""
        self._read.pop(job, None)

    def of(self, job: Job, state: JobState) -> tuple[Cause, ...]:
        """Return what *job*, unwell in *state*, may share with others.

        What is reached though it must not be, and what one worker fails while others
        reach it, are outages of another kind: they share nothing else.
        """
        if job.expect == "fail":
            subnet = subnet_of(self._read.get(job.id, ("", ""))[0] or host_of(job))
            return (Cause("breach", subnet),) if subnet else ()
        read = tuple(self._read_of(job, state))
        alone = _one_alone(state) and [c for c in read if c.kind == "worker"]
        return ranked(alone or [*self._related(job), *read])

    def _related(self, job: Job) -> Iterator[Cause]:
        """Yield what it depends on, or that others depend on it."""
        jobs, graph = self._board.jobs, self._board.graph
        for parent in job.depends_on:
            if parent in jobs:
                yield Cause("dependency", jobs[parent].name)
        if graph.has_dependants(job.id):
            yield Cause("dependency", job.name)

    def _read_of(self, job: Job, state: JobState) -> Iterator[Cause]:
        bad = [v for v in state.counted if v.value is not VoteValue.OK]
        reasons = {vote.reason for vote in bad}
        address, issuer = self._read.get(job.id, ("", ""))
        subnet = subnet_of(address or host_of(job))
        if subnet and job.type != "dns":
            yield Cause("subnet", subnet)
        if issuer and any(r.startswith(_SIGNED) for r in reasons):
            yield Cause("issuer", issuer)
        resolver = _resolver(job)
        if resolver and (job.type == "dns" or reasons & _NAMES):
            yield Cause("resolver", resolver)
        if len(bad) == 1 and self._others(job, bad[0].worker):
            yield Cause("worker", self._board.voter(bad[0].worker))

    def _others(self, job: Job, worker: int) -> bool:
        """Tell whether anybody but *worker* could have seen it.

        Where all jobs have the same only worker, that says nothing of the cause.
        """
        return any(
            w.org == job.org and w.state == "approved" and w.id != worker
            for w in self._board.workers.values()
        ) and bool(self._board.voter(worker))


def _one_alone(state: JobState) -> bool:
    """Tell whether one worker fails what another has reached meanwhile."""
    failed = [v for v in state.counted if v.value is VoteValue.FAILED]
    good = [v for v in state.counted if v.value in GOOD]
    later = any(v.at >= failed[0].at for v in good) if len(failed) == 1 else False
    return later or (len(failed) == 1 and bool(good) and state.line == "partial")


def host_of(job: Job) -> str:
    """Return the host in a job's target, "" if there is none."""
    return _host_in(job.target, job.type == "http")


@functools.lru_cache(4096)
def _host_in(target: str, is_url: bool) -> str:
    try:
        if is_url or "://" in target:
            return parse_url(target).host
        return parse_host_port(target, 0)[0]
    except UsageError:
        return ""


def _resolver(job: Job) -> str:
    """Return the name servers that a job was told to ask."""
    given = job.options.get("resolver") or ()
    servers = [given] if isinstance(given, str) else list(given)
    return ", ".join(_text(server) for server in servers)


def _text(value: object) -> str:
    return safe_text(value, 200) if isinstance(value, str) else ""
