"""One worker as finished view data: how it is, what it found out, what it does."""

from collections.abc import Sequence

from msgspec import Struct

from pangea.core.durations import clock_words
from pangea.core.text import safe_text

from .api_gaps import GapAnswer
from .schema import JobAnswer, StatusAnswer, VoteAnswer, WorkerAnswer
from .text import t
from .view import job_href
from .words import Badge, When, cell_badge, clock, ms, verdict_badge, when, why
from .workers_view import WorkerRow, worker_row

#: Jobs and gaps that the page names.
MOST_JOBS, MOST_GAPS = 300, 50


class CheckRow(Struct, frozen=True):
    """A part of its self-test."""

    name: str
    badge: Badge
    detail: str
    took: str


class JobRow(Struct, frozen=True):
    """A job that it has: what it says of it, and the verdict of all."""

    name: str
    href: str
    type: str
    says: Badge
    verdict: Badge
    took: str
    at: When | None
    reason: str


class GapRow(Struct, frozen=True):
    """Results that it made and lost."""

    start: When | None
    end: When | None
    reason: str
    lost: int
    jobs: str


class WorkerView(Struct, frozen=True):
    """Everything that the page of a worker prints."""

    row: WorkerRow
    pending: bool
    revoked: str
    trusted: bool
    draining: bool
    facts: list[tuple[str, str]]
    checks: list[CheckRow]
    bad_checks: int
    jobs: list[JobRow]
    left_out: int
    gaps: list[GapRow]
    new_name: str
    reason: str
    next: str


def worker_view(
    worker: WorkerAnswer,
    status: StatusAnswer,
    jobs: Sequence[JobAnswer],
    gaps: Sequence[GapAnswer],
    typed: dict[str, str],
) -> WorkerView:
    """Return the page of *worker*; *typed* is what was in a form that was refused."""
    now = status.now
    mine = [
        (j, v) for j in jobs for v in j.votes if v.worker == worker.name and _runs(v)
    ]
    mine.sort(key=lambda pair: (pair[1].outcome != "failed", pair[0].name))
    checks = [_check(c.name, c.good, c.detail, c.took_ms) for c in worker.self_test]
    return WorkerView(
        row=worker_row(worker, now),
        pending=worker.state == "pending",
        revoked=_revoked(worker),
        trusted=worker.trusted,
        draining=worker.draining,
        facts=_facts(worker),
        checks=sorted(checks, key=lambda check: check.badge.css == "up"),
        bad_checks=sum(not check.good for check in worker.self_test),
        jobs=[_job(job, vote, now) for job, vote in mine[:MOST_JOBS]],
        left_out=max(len(mine) - MOST_JOBS, 0),
        gaps=[_gap(gap, now) for gap in gaps],
        new_name=typed.get("new", safe_text(worker.name, 63)),
        reason=typed.get("reason", ""),
        next=next(
            (safe_text(c.next, 300) for c in status.concerns if c.about == worker.name),
            "",
        ),
    )


def _runs(vote: VoteAnswer) -> bool:
    return vote.state != "absent"


def _check(name: str, good: bool, detail: str, took_ms: float) -> CheckRow:
    word = t("workers.good") if good else t("workers.bad")
    badge = Badge("●", word, "up") if good else Badge("✖", word, "down")
    said = safe_text(name.replace("_", " "), 60)
    return CheckRow(said, badge, safe_text(detail, 300), ms(took_ms))


def _revoked(worker: WorkerAnswer) -> str:
    if worker.state != "revoked":
        return ""
    return t(
        "workers.revoked_by",
        who=safe_text(worker.revoked_by or "–", 63),
        why=safe_text(worker.revoked_reason or "–", 500),
    )


def _facts(worker: WorkerAnswer) -> list[tuple[str, str]]:
    """Return what is known of it, without what nobody knows."""
    tags = ", ".join(f"{k}={v}" for k, v in worker.tags.items())
    place = worker.position
    linked = f"{worker.peers_linked} / {worker.peers}"
    facts = {
        "region": worker.region,
        "place": f"{place[0]:.1f}, {place[1]:.1f}" if place else "",
        "tags": tags,
        "version": worker.version,
        "path": worker.path or "",
        "dialled": worker.dialled or "",
        "rtt": ms(worker.rtt_ms) if worker.rtt_ms is not None else "",
        "offset": _offset(worker),
        "lag": ms(worker.lag_ms),
        "spool": t("workers.spool_of", n=worker.spool),
        "peers": linked if worker.peers else "",
        "peer_rtt": ms(worker.peer_rtt_ms) if worker.peer_rtt_ms else "",
        "alive_via": worker.alive_via or "",
        "added": clock_of(worker.added_at),
        "approved_by": worker.approved_by,
        "trust": t("workers.trusted") if worker.trusted else t("workers.untrusted"),
    }
    return [
        (t(f"workers.fact_{name}"), safe_text(text, 300))
        for name, text in facts.items()
        if text
    ]


def clock_of(iso: str | None) -> str:
    """Return date and time of a moment, "" for none."""
    return f"{iso[:10]} {clock(iso)} UTC" if iso else ""


def _offset(worker: WorkerAnswer) -> str:
    if worker.offset_ms is None:
        return ""
    said = clock_words(-worker.offset_ms / 1000)
    error = worker.offset_error_ms
    return said if error is None else f"{said} ± {ms(error)}"


def _job(job: JobAnswer, vote: VoteAnswer, now: str) -> JobRow:
    return JobRow(
        name=safe_text(job.name, 63),
        href=job_href(job.name),
        type=job.type,
        says=cell_badge(vote),
        verdict=verdict_badge(job.verdict),
        took=ms(vote.duration_ms),
        at=when(vote.at, now),
        reason=why(vote.reason, vote.detail),
    )


def _gap(gap: GapAnswer, now: str) -> GapRow:
    said = ", ".join(f"{name} {n}" for name, n in list(gap.jobs.items())[:20])
    return GapRow(
        when(gap.started, now),
        when(gap.ended, now),
        safe_text(gap.reason, 200),
        gap.lost,
        safe_text(said, 500),
    )
