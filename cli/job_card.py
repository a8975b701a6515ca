"""A job on one screen: what it asks, how it is judged, and who says what."""

from typing import Any

from pangea.core.durations import format_duration
from pangea.core.model import PUSHED

from .output import ago, every, joined, milliseconds, pairs
from .table import Style
from .uptime import slo_words


def card(
    style: Style,
    job: dict[str, Any],
    spent: dict[str, Any] | None = None,
    server: str = "",
) -> list[str]:
    """Return a job on one screen; *server* is where the coordinator listens."""
    facts = [
        ("target", f"{job['type']} {job['target']}"),
        *_judged(job),
        ("options", joined(job["options"])),
        ("labels", joined(job["labels"])),
        ("slo", slo_words(spent or {})),
        *_reports(job, server),
        ("since", f"{ago(job['verdict_since'], job.get('at'))}{_flapping(job)}"),
        ("incident", job.get("incident") or ""),
        ("why", job["verdict_reason"]),
        ("trust", job.get("trust") or ""),
        ("needs", ", ".join(job.get("depends_on") or ())),
        *(("note", notice) for notice in job.get("notices", ())),
    ]
    head = f"{style.marked(job['verdict'])}  {style.plain(job['name'])}"
    return [head, *pairs(style, facts), "", *_votes(style, job["votes"], job.get("at"))]


def _judged(job: dict[str, Any]) -> list[tuple[str, str]]:
    """Return how often it is asked, by whom, and what their votes add up to."""
    if job["type"] in PUSHED:
        return [("every", every(job))]
    timeout = format_duration(job["timeout_s"])
    return [
        ("every", f"{every(job)}, timeout {timeout}"),
        ("on", f"{job['on']}, rule {job['rule']}{_expected(job)}"),
    ]


def _reports(job: dict[str, Any], server: str) -> list[tuple[str, str]]:
    """Return how a job reports by itself, and until when that is in time."""
    path, before = job.get("push_path"), job.get("next_before")
    return [
        ("report", f"curl -X POST {server.rstrip('/')}{path}" if path else ""),
        ("in time", f"until {_utc(before)}" if before else ""),
    ]


def _utc(moment: str) -> str:
    """Return an RFC 3339 time to the second, as people read it."""
    return f"{moment[:19].replace('T', ' ')} UTC"


def _flapping(job: dict[str, Any]) -> str:
    """Return that a verdict changes too often to say much."""
    pct = job.get("flap_pct") or 0.0
    told = f", flapping: {pct:.0f} % of its last states were changes"
    return told if job.get("flapping") else ""


def _expected(job: dict[str, Any]) -> str:
    return ", must not answer" if job.get("expect") == "fail" else ""


def _voted(style: Style, vote: dict[str, Any]) -> str:
    """Return what the worker says; of one that is not simply probing also why."""
    if vote["outcome"] is None:
        return str(vote["state"])
    said = style.mark(vote["outcome"])
    return said if vote["state"] == "probing" else f"{vote['state']}, was {said}"


def _votes(style: Style, votes: list[dict[str, Any]], now: str | None) -> list[str]:
    if not votes:
        return ["no worker probes it"]
    rows = [
        [
            _voted(style, vote),
            vote["worker"],
            milliseconds(vote["duration_ms"]),
            ago(vote["at"], now),
            vote["detail"] or vote["reason"],
        ]
        for vote in votes
    ]
    return style.table(["vote", "worker", "last", "at", "why"], rows, limit=100)
