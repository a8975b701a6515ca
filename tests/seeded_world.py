"""The seeded world: jobs, workers and numbers that look like a real network."""

import math
import random
import re
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from pangea.core.cost import cost_of, in_words
from pangea.web.schema import (
    CostAnswer,
    JobAnswer,
    PointAnswer,
    ResultAnswer,
    VoteAnswer,
    WorkerAnswer,
    moment,
)

#: 22 November 2026, 12:03:11 UTC: the moment at which the seeded world stands.
NOW_US = 1_795_348_991_000_000
WORKERS = ("local", "london", "nyc", "tokyo")
TYPES = {"http": 30.0, "icmp": 30.0, "dns": 60.0, "tls": 3600.0, "tcp": 60.0}
BASE_MS = {"local": 0.4, "london": 9.0, "nyc": 71.0, "tokyo": 208.0}
ORDER = ("down", "degraded", "unknown", "up", "paused")

# name, type, target, verdict, seconds since, why, {worker: (outcome, reason, detail)}
F, W = "failed", "warn"
TIMEOUT = (F, "timeout", "no answer within 10 s")
JOBS: Sequence[tuple[str, str, str, str, int, str, dict[str, Any]]] = (
    (
        "shop",
        "http",
        "https://shop.example.com/health",
        "down",
        372,
        "3 of 4 workers: the HTTP status is not one of those wanted",
        dict.fromkeys(WORKERS[1:], (F, "status", "got 503, wanted 200-399")),
    ),
    (
        "gateway",
        "icmp",
        "192.0.2.1",
        "up",
        86400 * 3 + 7000,
        "",
        {},
    ),
    (
        "intranet-cert",
        "tls",
        "intranet.example.net:443",
        "degraded",
        5400,
        "4 of 4 workers: the certificate expires within the threshold",
        dict.fromkeys(
            WORKERS, (W, "cert_expires_soon", "expires in 9 days, wanted 14 or more")
        ),
    ),
    ("resolver-1", "dns", "example.com@192.0.2.53", "up", 86400 * 12, "", {}),
    ("wiki", "http", "https://wiki.example.net/", "up", 86400 * 2 + 3600, "", {}),
    (
        "vpn-tokyo",
        "icmp",
        "198.51.100.7",
        "degraded",
        1260,
        "partial: tokyo sees no answer in time, the others do",
        {"tokyo": (F, "timeout", "3 of 3 packets lost within 2 s")},
    ),
    ("resolver-2", "dns", "example.com@192.0.2.54", "up", 86400 * 12, "", {}),
    ("mail-smtp", "tcp", "mail.example.net:25", "up", 86400 + 9000, "", {}),
    (
        "backup-nas",
        "tcp",
        "192.0.2.40:445",
        "unknown",
        95,
        "no worker has a vote: all 4 could not tell",
        dict.fromkeys(
            WORKERS, (None, "no_route", "this worker has no route to 192.0.2.0/24")
        ),
    ),
    ("api", "http", "https://api.example.com/v2/ping", "up", 43200, "", {}),
    ("db-primary", "tcp", "db1.example.net:5432", "up", 86400 * 5, "", {}),
    ("old-printer", "icmp", "192.0.2.77", "paused", 86400 * 9, "", {}),
    ("login-cert", "tls", "login.example.com:443", "up", 86400 * 20, "", {}),
    ("canary", "http", "https://example.org/", "up", 86400 * 1, "", {}),
)


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-")[:63]


def price(job: JobAnswer) -> CostAnswer:
    cost = cost_of(job.interval_s, len(job.votes), 2 * job.timeout_s + 1)
    return CostAnswer(
        workers=cost.workers,
        probes_per_s=cost.probes_per_s,
        target_per_s=cost.target_per_s,
        bytes_per_day=cost.bytes_per_day,
        detection_s=cost.detection_s,
        words=in_words(cost),
    )


def with_state(job: JobAnswer, worker: str | None, state: str) -> JobAnswer:
    votes = [
        replace(vote, state=state) if worker in (None, vote.worker) else vote
        for vote in job.votes
    ]
    return replace(job, votes=votes)


def make_job(
    number: int, row: tuple[str, str, str, str, int, str, dict[str, Any]]
) -> JobAnswer:
    name, kind, target, verdict, since, why, odd = row
    votes = [make_vote(number, name, kind, worker, verdict, odd) for worker in WORKERS]
    good = [v for v in votes if v.outcome in ("ok", W)]
    voting = [v.duration_ms for v in good if v.duration_ms is not None]
    return JobAnswer(
        id=number,
        name=name,
        type=kind,
        target=target,
        interval_s=TYPES[kind],
        timeout_s=2.0 if kind == "icmp" else 10.0,
        on="all",
        rule="majority",
        expect="ok",
        options={},
        labels={},
        enabled=verdict != "paused",
        verdict=verdict,
        verdict_since=moment(NOW_US - since * 1_000_000),
        verdict_reason=why,
        votes=votes,
        last_duration_ms=min(voting, default=None),
    )


def make_vote(
    number: int, name: str, kind: str, worker: str, verdict: str, odd: dict[str, Any]
) -> VoteAnswer:
    if verdict == "paused":
        return VoteAnswer(worker=worker, outcome=None, state="stopped")
    if name == "db-primary" and worker == "tokyo":
        why = "policy: tcp to db1.example.net:5432 is not allowed here"
        return VoteAnswer(worker=worker, outcome=None, state="refused", reason=why)
    if name == "wiki" and worker == "nyc":
        return VoteAnswer(worker=worker, outcome=None, state="stopped")
    outcome, reason, detail = odd.get(worker, ("ok", "", ""))
    rng = random.Random(number * 31 + len(worker))
    extra = {"icmp": 0.3, "tcp": 0.6, "dns": 2.1, "http": 28, "tls": 12}[kind]
    return VoteAnswer(
        worker=worker,
        outcome=outcome,
        state="probing",
        at=moment(NOW_US - rng.randrange(1, 30) * 1_000_000),
        duration_ms=None
        if outcome is None
        else round(BASE_MS[worker] + extra * (1 + rng.random()), 3),
        reason=reason,
        detail=detail,
        expires=moment(NOW_US + 60_000_000),
    )


def make_beats(vote: VoteAnswer, points: int) -> str:
    """Return the last rounds of a worker, as letters."""
    if vote.state != "probing":
        return "" if vote.state == "refused" else "o" * (points // 2)
    rng = random.Random(f"{vote.worker}{vote.duration_ms}")
    letter = {"ok": "o", "warn": "w", "failed": "f", None: "e"}[vote.outcome]
    past = "".join("f" if rng.random() > 0.97 else "o" for _ in range(points))
    bad = points if letter in "we" else points // 2
    return past if letter == "o" else past[: points - bad] + letter * bad


def make_result(
    job: JobAnswer, vote: VoteAnswer, n: int, rng: random.Random
) -> ResultAnswer:
    bad = vote.outcome == "failed" and n < 40
    took = (vote.duration_ms or 3.0) * (1 + 0.3 * rng.random())
    phases = {"resolve": 0.06, "connect": 0.3, "tls": 0.34, "first_byte": 0.3}
    if job.type not in ("http", "tls"):
        phases = {}
    outcome = "error" if vote.outcome is None else "failed" if bad else "ok"
    return ResultAnswer(
        worker=vote.worker,
        started_at=moment(NOW_US - round(n * job.interval_s / 4 * 1e6) - 2_000_000),
        duration_ms=round(took, 3),
        outcome=outcome,
        reason=vote.reason if outcome != "ok" or vote.outcome == "warn" else "",
        detail=vote.detail if outcome != "ok" or vote.outcome == "warn" else "",
        phases={k: round(took * share, 3) for k, share in phases.items()},
        readings={"status": 503 if bad else 200} if job.type == "http" else {},
        flags=["late"] if n == 7 else [],
    )


def make_point(at_us: int, value: float | None) -> PointAnswer:
    """Return a bucket with median *value*; None failed, NaN was not measured."""
    if value is None or math.isnan(value):
        failed, missing = (8, 0) if value is None else (0, 8)
        return PointAnswer(
            at=moment(at_us), ok=0, failed=failed, error=0, missing=missing
        )
    return PointAnswer(
        at=moment(at_us),
        ok=8,
        failed=0,
        error=0,
        missing=0,
        p50_ms=value,
        p95_ms=value * 1.4,
        p99_ms=value * 1.8,
        min_ms=value * 0.9,
        max_ms=value * 2,
    )


def make_worker(name: str) -> WorkerAnswer:
    lost = False
    place = {
        "local": ("", None),
        "london": ("eu-west", (51.5, -0.1)),
        "nyc": ("us-east", (40.7, -74.0)),
        "tokyo": ("ap-east", (35.7, 139.7)),
    }
    region, position = place[name]
    return WorkerAnswer(
        name=name,
        id=f"{name:x<16}",
        state="approved",
        region=region,
        position=position,
        tags={"site": name},
        version="0.1.0",
        connected=not lost,
        last_seen=moment(NOW_US - (95_000_000 if lost else 800_000)),
        offset_ms=0.0 if name == "local" else round(len(name) * 0.37, 2),
        rtt_ms=BASE_MS[name],
        spool=412 if lost else 0,
        lag_ms=0.3,
        jobs=12,
        lacks={"icmp": "no right to send ICMP"} if name == "nyc" else {},
        health="lost" if lost else "well",
    )
