"""From what a person asks for to a job: defaults, names, checks. Pure."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from pangea.core.errors import NotFound, UsageError
from pangea.core.model import FIRST_ORG, PUSHED, Job, Worker
from pangea.core.options import laid_over
from pangea.core.placement import check_on
from pangea.core.rule import canonical, parse_rule
from pangea.probes.base import make_probe, probe_class, shortest_timeout
from pangea.web.schema import JobPatch, JobSpec

from .heartbeats import expected_after
from .kept_secrets import refuse_moved_job

NAME = re.compile(r"[a-z0-9._-]{1,63}")
SHORTEST_S = 0.5
LONGEST_S = 31 * 86400.0
DEFAULT_TIMEOUT_S = 10.0
MAX_LABELS = 32


def job_from(
    spec: JobSpec, taken: Collection[str], intervals: Mapping[str, float], now_us: int
) -> Job:
    """Return the job that *spec* asks for; its ``id`` is 0 until it is stored.

    *taken* are the names in use; a default name makes way for them, a given one
    is checked when it is stored. *intervals* override the defaults by type.
    """
    kind = probe_class(spec.type)
    interval = spec.interval_s
    if interval is None:
        interval = intervals.get(spec.type, kind.default_interval_s)
    timeout = spec.timeout_s
    if timeout is None:
        timeout = default_timeout(spec, interval)
    job = Job(
        id=0,
        name=spec.name if spec.name else free_name(spec.type, spec.target, taken),
        type=spec.type,
        target=spec.target.strip(),
        interval_s=float(interval),
        timeout_s=float(timeout),
        on=check_on(spec.on),
        rule=spec.rule,
        expect=spec.expect,
        options=dict(spec.options),
        labels=dict(spec.labels),
        enabled=spec.enabled,
        slo=spec.slo,
        org=FIRST_ORG,
        created_at_us=now_us,
    )
    return checked(job)


def patched(job: Job, patch: JobPatch) -> Job:
    """Return *job* with the changes of *patch*, checked.

    Secrets that are not given anew do not go to another place: UsageError.
    """
    changes: dict[str, Any] = {
        name: value
        for name in (
            "name",
            "target",
            "rule",
            "expect",
            "enabled",
            "interval_s",
            "timeout_s",
            "slo",
        )
        if (value := getattr(patch, name)) is not UNSET
    }
    if patch.on is not UNSET:
        changes["on"] = check_on(patch.on)
    if patch.options is not UNSET:
        changes["options"] = laid_over(job.options, patch.options)
    if patch.labels is not UNSET:
        changes["labels"] = laid_over(job.labels, patch.labels)
    if "interval_s" in changes and "timeout_s" not in changes:
        changes["timeout_s"] = min(job.timeout_s, changes["interval_s"])
    new = checked(replace(job, **changes))
    refuse_moved_job(job, new, {} if patch.options is UNSET else patch.options)
    return new


def checked(job: Job) -> Job:
    """Return *job* if everything in it can work, else raise UsageError."""
    if not NAME.fullmatch(job.name):
        raise UsageError(
            f"{job.name!r} is no job name",
            hint="use 1 to 63 of: a-z 0-9 . _ -",
        )
    if not SHORTEST_S <= job.interval_s <= LONGEST_S:
        raise UsageError(
            f"an interval of {job.interval_s:g} s is not possible",
            hint=f"use {SHORTEST_S:g}s to 31d",
        )
    if not 0 < job.timeout_s <= job.interval_s:
        raise UsageError(
            f"a timeout of {job.timeout_s:g} s does not fit into an interval of "
            f"{job.interval_s:g} s",
            hint="use more than 0 and at most the interval",
        )
    if not 0 <= job.slo < 100:
        raise UsageError(
            f"a job cannot promise {job.slo:g} %", hint="use a share such as 99.9"
        )
    _check_labels(job.labels)
    if job.type in PUSHED:
        _check_heartbeat(job)
    needs = shortest_timeout(make_probe(job.type, job.target, job.options))
    if job.timeout_s <= needs:
        raise UsageError(
            f"the {job.type} probe sends for {needs:g} s, longer than its timeout of "
            f"{job.timeout_s:g} s",
            hint="give a longer --timeout, or a smaller count or gap with --set",
        )
    _check_latency(job)
    return replace(job, rule=canonical(job.rule))


def _check_latency(job: Job) -> None:
    """Refuse a threshold that no good result can pass."""
    limit = parse_rule(job.rule).latency_ms
    if limit is not None and limit >= job.timeout_s * 1000:
        raise UsageError(
            f"a latency of {limit / 1000:g} s in the rule can never warn: what takes "
            f"as long as the timeout of {job.timeout_s:g} s has failed",
            hint="give a lower latency, or a longer --timeout",
        )


def _check_heartbeat(job: Job) -> None:
    """Refuse a cron line that is none."""
    make_probe(job.type, job.target, job.options)
    expected_after(job, 0.0)


def free_name(type_: str, target: str, taken: Collection[str]) -> str:
    """Return the slug of type and target, with ``-2`` and so on if it is taken."""
    bare = re.sub(r"^[a-z0-9+.-]+://", "", target.strip().lower())
    slug = re.sub(r"[^a-z0-9._]+", "-", f"{type_}-{bare}").strip("-.")[:63]
    name, number = slug, 2
    while name in taken:
        ending = f"-{number}"
        name, number = slug[: 63 - len(ending)] + ending, number + 1
    return name


def _check_labels(labels: Mapping[str, str]) -> None:
    if len(labels) > MAX_LABELS:
        raise UsageError(f"{len(labels)} labels are too many (limit {MAX_LABELS})")
    for key, value in labels.items():
        if not re.fullmatch(r"[A-Za-z0-9._/-]{1,63}", key) or len(value) > 200:
            raise UsageError(
                f"label {key!r} cannot be kept",
                hint="keys: 1 to 63 of A-Z a-z 0-9 . _ / -; values: up to 200 long",
            )


def question(job: Job) -> tuple[object, ...]:
    """Return what a job asks; votes on one question say nothing of another."""
    return job.target, job.options, job.expect


def default_timeout(spec: JobSpec, interval_s: float) -> float:
    """Return the timeout of a job whose author names none, in seconds.

    A probe that sends for longer than most of its interval gets half of what is left.
    """
    usual = min(DEFAULT_TIMEOUT_S, 0.8 * interval_s)
    needs = shortest_timeout(make_probe(spec.type, spec.target, spec.options))
    return (needs + interval_s) / 2 if usual <= needs < interval_s else usual


def check_workers(job: Job, find: Callable[[str, int], Worker]) -> None:
    """Refuse workers by name that do not exist, or were sent away."""
    if job.on == "all" or ":" in job.on:
        return
    for name in job.on.split(","):
        worker = find(name, job.org)
        if worker.state not in ("approved", "pending"):
            raise NotFound(f"worker {name!r} was {worker.state}")
