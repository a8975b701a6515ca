"""Probes that people ask for once (``pangea.web.api_probes``)."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from pangea.core.asking import MOST_S, Bucket
from pangea.core.errors import Conflict, UsageError
from pangea.core.model import PUSHED, Job, Outcome, Worker
from pangea.probes.base import Probe, make_probe, shortest_timeout
from pangea.web.api_probes import ProbeLine, ProbeSpec
from pangea.web.refusals import TooMany
from pangea.web.schema import moment

from .asking import Answer
from .coordinator import Coordinator
from .new_job import DEFAULT_TIMEOUT_S
from .probe_limits import check_operator
from .telling import flag_names

#: Runs that may be asked for, a second and at once, over all workers.
A_SECOND, AT_ONCE = 20.0, 200.0


class ProbeService:
    """Asks workers what a person wants to know now; nothing is stored.

    ``own`` are the URLs of this coordinator.
    """

    def __init__(self, coordinator: Coordinator) -> None:
        self._board = coordinator.board
        self._clock = coordinator.clock
        self._asking = coordinator.reception.asking
        self._bucket = Bucket(A_SECOND, AT_ONCE)
        self.own: Sequence[str] = ()

    def ask(
        self, org: int, spec: ProbeSpec, *, limited: bool
    ) -> AsyncGenerator[ProbeLine, None]:
        """Return the answers as they come; what is wrong is raised at once.

        Who is *limited* may ask what an operator may (`probe_limits`).
        """
        job, probe = question_of(spec, org)
        if limited:
            check_operator(probe, spec.options, self.own)
        workers = self._workers(org, spec)
        wait_s = self._bucket.take(len(workers), self._clock.monotonic())
        if wait_s:
            raise TooMany(
                f"more than {A_SECOND:g} probes a second were asked for",
                retry_s=wait_s,
                hint="ask fewer workers, or make a job of it: pangea job add",
            )
        return self._answers(job, workers)

    async def _answers(
        self, job: Job, workers: Sequence[Worker]
    ) -> AsyncGenerator[ProbeLine, None]:
        async with aclosing(self._asking.ask(job, workers)) as answers:
            async for answer in answers:
                yield line_of(answer)

    def _workers(self, org: int, spec: ProbeSpec) -> list[Worker]:
        """Return who is asked; NotFound for a name that is none."""
        if spec.workers != "all":
            return [
                self._board.worker(name, org) for name in dict.fromkeys(spec.workers)
            ]
        here = [
            worker
            for worker in self._board.workers.values()
            if worker.org == org and worker.id in self._board.connected
        ]
        if not here:
            raise Conflict("no worker is connected", hint="see: pangea worker list")
        return sorted(here, key=lambda worker: worker.name)


def question_of(spec: ProbeSpec, org: int) -> tuple[Job, Probe]:
    """Return *spec* as a job that is stored nowhere, and its probe.

    UsageError if it cannot be.
    """
    if spec.type in PUSHED:
        raise UsageError(
            f"a {spec.type} reports by itself: nobody can ask it",
            hint=f"make a job of it: pangea job add {spec.type} NAME",
        )
    probe = make_probe(spec.type, spec.target, spec.options)
    needs = shortest_timeout(probe)
    timeout_s = spec.timeout_s
    if timeout_s is None:
        longest = float(getattr(probe, "longest_s", needs))
        timeout_s = min(max(DEFAULT_TIMEOUT_S, longest + 1.0), MOST_S)
    if timeout_s <= needs:
        raise UsageError(
            f"the {spec.type} probe sends for {needs:g} s, longer than its timeout of "
            f"{timeout_s:g} s"
        )
    job = Job(
        id=0,
        name=f"{spec.type} {spec.target}",
        type=spec.type,
        target=spec.target.strip(),
        interval_s=timeout_s,
        timeout_s=timeout_s,
        expect=spec.expect,
        options=dict(spec.options),
        org=org,
    )
    return job, probe


def line_of(answer: Answer) -> ProbeLine:
    """Return *answer* as the API tells it."""
    name, result = answer.worker.name, answer.result
    if result is None:
        return ProbeLine(
            worker=name,
            outcome=Outcome.ERROR,
            detail=answer.refused,
            refused=answer.refused,
        )
    return ProbeLine(
        worker=name,
        outcome=result.outcome,
        started_at=moment(result.started_at_us),
        duration_ms=result.duration_ms,
        reason=result.reason,
        detail=result.detail,
        phases=result.phases,
        readings=result.readings,
        flags=flag_names(result.flags),
    )
