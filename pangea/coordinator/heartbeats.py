"""Jobs that report in by push: whose turn it is, and who has missed it.

The coordinator is their only voter. It votes ``failed`` once, when the grace has
passed; its own downtime extends the grace, since nobody could have reported.
"""

import base64
from collections.abc import Callable, Iterable

from pangea.core.clock import Clock
from pangea.core.clock_step import ClockStep
from pangea.core.durations import format_duration
from pangea.core.errors import NotFound
from pangea.core.model import COORDINATOR, Job, Outcome, Result
from pangea.core.options import build
from pangea.core.text import safe_text
from pangea.probes.heartbeat import TYPE, HeartbeatOptions
from pangea.scheduling import next_by_cron
from pangea.vault import Vault

LEAST_GRACE_S = 30.0
GRACE_SHARE = 0.2


def options_of(job: Job) -> HeartbeatOptions:
    """Return the options of a heartbeat job."""
    return build(HeartbeatOptions, job.options, f"{TYPE} option")


def grace_of(job: Job) -> float:
    """Return how long after the expected moment a report is still in time."""
    given = options_of(job).grace
    return max(LEAST_GRACE_S, GRACE_SHARE * job.interval_s) if given is None else given


def expected_after(job: Job, last: float) -> float:
    """Return when a report is expected after the one at *last* (UTC seconds)."""
    options = options_of(job)
    if options.cron is None:
        return last + job.interval_s
    return next_by_cron(options.cron, options.timezone, last)


class Heartbeats:
    """Knows the last report of each heartbeat job."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock
        self._started = clock.wall()
        self._step = ClockStep(clock)
        self._last: dict[int, float] = {}
        self._missed: set[int] = set()
        self._tokens: dict[str, int] = {}

    def put(self, job: Job, last: float | None = None) -> None:
        """Take a new or changed job; *last* is its last stored report."""
        self._follow_clock()
        self.drop(job.id)
        if job.type != TYPE:
            return
        self._tokens[self.token(job)] = job.id
        self._last[job.id] = last or job.created_at_us / 1e6

    def start(self, job: Job) -> None:
        """Wait anew for *job*: nobody had to report while it was stopped."""
        if job.id in self._last:
            self._last[job.id] = self._clock.wall()
            self._missed.discard(job.id)

    def drop(self, job: int) -> None:
        """Forget a job; its address is no longer there."""
        self._tokens = {t: j for t, j in self._tokens.items() if j != job}
        self._missed.discard(job)

    def token(self, job: Job) -> str:
        """Return the secret part of the address at which *job* reports.

        It follows from the vault's key, so it needs no place of its own.
        """
        derived = self._vault.derive(f"push/{job.org}/{job.created_at_us}")
        return base64.b32encode(derived[:15]).decode().lower()

    def job(self, token: str) -> int:
        """Return the job that reports with *token*; NotFound if there is none."""
        if token not in self._tokens:
            raise NotFound("nothing reports here", hint="see: pangea job show NAME")
        return self._tokens[token]

    def beat(
        self, job: Job, outcome: Outcome, detail: str, duration_ms: float
    ) -> Result:
        """Return the result that a report makes."""
        self._follow_clock()
        now = self._clock.wall()
        self._last[job.id] = now
        self._missed.discard(job.id)
        failed = outcome is not Outcome.OK
        return self._result(
            job, now, outcome, "reported" if failed else "", detail, duration_ms
        )

    def due(self, job: Job) -> float:
        """Return until when the next report of *job* is in time (UTC seconds)."""
        last = self._last[job.id]
        return max(expected_after(job, last), self._started) + grace_of(job)

    def missed(self, job_of: Callable[[int], Job | None]) -> list[Result]:
        """Return a failure for each job whose grace has passed since the last look."""
        self._follow_clock()
        now, results = self._clock.wall(), []
        for number in set(self._tokens.values()) - self._missed:
            job = job_of(number)
            if job is None or not job.enabled:
                continue
            if now > self.due(job):
                self._missed.add(number)
                results.append(self._miss(job, now))
        return results

    def _follow_clock(self) -> None:
        """Let a clock that was set make nobody late, nor early."""
        step = self._step.take()
        if step:
            self._started += step
            self._last = {job: at + step for job, at in self._last.items()}

    def again(self, results: Iterable[Result]) -> None:
        """Take back *results* that could not be stored; they are told again."""
        self._missed -= {result.job for result in results}

    def _miss(self, job: Job, now: float) -> Result:
        silent = format_duration(now - self._last[job.id])
        wanted = options_of(job).cron or f"every {format_duration(job.interval_s)}"
        detail = f"no report for {silent}, wanted {wanted}"
        return self._result(job, now, Outcome.FAILED, "missed", detail, 0.0)

    def _result(
        self,
        job: Job,
        at: float,
        outcome: Outcome,
        reason: str,
        detail: str,
        duration_ms: float,
    ) -> Result:
        return Result(
            job=job.id,
            started_at_us=round(at * 1e6),
            duration_ms=duration_ms,
            outcome=outcome,
            reason=reason,
            detail=safe_text(detail, 500) if detail else "",
            worker=COORDINATOR,
        )
