"""Thresholds of a rule: when a good result warns, and how long a job usually takes.

A result that passes one stays ``ok``; its vote is ``warn``.
"""

from collections.abc import Container, Iterator, Mapping
from typing import Any

from .durations import milliseconds
from .histogram import Histogram, value_of
from .model import Result
from .rule import Rule

#: A median needs so many results, and is worked out again after so many more.
ENOUGH = 20
AGAIN = 10
#: It is that of the last two to four hours.
STRETCH_S = 2 * 3600.0
#: What is so little above its median is not slower: the shortest times waver.
LEAST_MS = 1.0


class Past:
    """How long one worker's runs of a job took of late."""

    __slots__ = ("_begun", "_known", "_median", "_new", "_old", "_since")

    def __init__(self) -> None:
        self._new, self._old = Histogram(), Histogram()
        self._begun = 0.0
        self._known, self._since, self._median = 0, 0, 0.0

    def add(self, at: float, duration_ms: float) -> None:
        """Take in a run that began *at* (UTC seconds)."""
        if not 0 <= at - self._begun < STRETCH_S:
            # After a long silence nothing of it is of late; nor if the clock went back.
            follows = 0 <= at - self._begun < 2 * STRETCH_S
            self._old = self._new if follows else Histogram()
            self._new, self._begun = Histogram(), at
            self._known = sum(self._old.counts.values())
            self._since = AGAIN
        self._new.add(round(duration_ms * 1000))
        self._known += 1
        self._since += 1

    def median_ms(self) -> float | None:
        """Return the median, None while there are too few runs."""
        if self._known < ENOUGH:
            return None
        if self._since >= AGAIN:
            self._median, self._since = self._worked_out(), 0
        return self._median

    def _worked_out(self) -> float:
        both = Histogram()
        both.merge(self._old)
        both.merge(self._new)
        left = (self._known + 1) // 2
        for index in sorted(both.counts):
            left -= both.counts[index]
            if left <= 0:
                return value_of(index) / 1000
        return 0.0


class Pasts:
    """The past of each job and worker that a rule looks at."""

    def __init__(self) -> None:
        self._by_job: dict[int, dict[int, Past]] = {}

    def of(self, job: int, worker: int) -> Past:
        """Return the past of *worker* with *job*, empty at first."""
        return self._by_job.setdefault(job, {}).setdefault(worker, Past())

    def forget(self, job: int) -> None:
        """Forget a job."""
        self._by_job.pop(job, None)

    def keep(self, jobs: Container[int]) -> None:
        """Forget all but *jobs*."""
        for job in [job for job in self._by_job if job not in jobs]:
            del self._by_job[job]


def warning(
    result: Result, rule: Rule, pasts: Pasts, *, timed: bool = True
) -> tuple[str, str] | None:
    """Return reason and words of the first threshold that *result* passes.

    *result* is good, and becomes part of the past. Where its times say nothing
    (not *timed*) only the days that are left are looked at.
    """
    found = _days(result, rule)
    if not timed:
        return found
    late = _slower(result, rule, pasts)
    return _latency(result, rule) or late or _loss(result, rule) or found


def _latency(result: Result, rule: Rule) -> tuple[str, str] | None:
    limit = rule.latency_ms
    if limit is None or result.duration_ms <= limit:
        return None
    took, most = milliseconds(result.duration_ms), milliseconds(limit)
    return "latency", f"took {took}, wanted at most {most}"


def _slower(result: Result, rule: Rule, pasts: Pasts) -> tuple[str, str] | None:
    if rule.slower is None:
        return None
    past = pasts.of(result.job, result.worker)
    usual, took = past.median_ms(), result.duration_ms
    past.add(result.started_at_us / 1e6, took)
    if usual is None or took <= max(rule.slower * usual, usual + LEAST_MS):
        return None
    words = f"took {milliseconds(took)}, usually {milliseconds(usual)}"
    return "slower", f"{words}; wanted less than {rule.slower:g} times that"


def _loss(result: Result, rule: Rule) -> tuple[str, str] | None:
    loss = max(_readings(result, "loss_pct"), default=0.0)
    if rule.loss_pct is not None and loss > rule.loss_pct:
        said = f"{loss:g} % of the packets lost"
        return "loss", f"{said}, wanted at most {rule.loss_pct:g} %"
    jitter = max(_readings(result, "jitter_ms"), default=0.0)
    if rule.jitter_ms is not None and jitter > rule.jitter_ms:
        most = milliseconds(rule.jitter_ms)
        return "jitter", f"jitter {milliseconds(jitter)}, wanted at most {most}"
    return None


def _days(result: Result, rule: Rule) -> tuple[str, str] | None:
    if rule.days is None:
        return None
    left = min(_readings(result, "days_left"), default=rule.days)
    if left >= rule.days:
        return None
    said = f"the certificate expires in {left:.1f} days"
    return "cert_expires_soon", f"{said}, wanted at least {rule.days:g}"


def _readings(result: Result, ending: str) -> Iterator[float]:
    """Yield the numbers called so, also those of each address family."""
    for name, value in result.readings.items():
        if isinstance(value, Mapping):
            yield from (v for k, v in value.items() if _is_one(k, v, ending))
        elif _is_one(name, value, ending):
            yield value


def _is_one(name: Any, value: Any, ending: str) -> bool:
    """Tell whether it is a number called so; workers may say anything."""
    return (
        isinstance(name, str)
        and name.endswith(ending)
        and isinstance(value, (int, float))
        and not isinstance(value, bool)
    )
