"""What several pages show of a job: cells, beats, commands; templates only print."""

import shlex
from collections.abc import Mapping, Sequence
from itertools import groupby
from urllib.parse import quote

from msgspec import Struct

from pangea.core.chart import FAILURE
from pangea.core.cost import cost_of, in_words
from pangea.core.durations import format_duration
from pangea.core.rule import parse_rule
from pangea.core.text import safe_text
from pangea.core.trust_line import promised_s

from .schema import JobAnswer, StatusAnswer, VoteAnswer
from .text import t
from .words import Badge, cell_badge, ms, when, why

Recent = Mapping[int, Sequence[float | None]]
#: The last rounds of each worker, oldest first: a letter of BEAT_DRAWN each.
Beats = Mapping[str, str]
#: How a round is drawn: taller is worse, so that it needs no colour.
BEAT_DRAWN = {
    "o": ("▂", "up"),
    "w": ("▅", "degraded"),
    "f": ("█", "down"),
    "e": ("·", "unknown"),
}


class SparkPart(Struct, frozen=True):
    """A stretch of a drawing: durations, or failures; ``css`` names its colour."""

    text: str
    failed: bool
    css: str = ""


class Cell(Struct, frozen=True):
    """What one worker says of one job, and how its last rounds went."""

    worker: str
    badge: Badge
    title: str
    href: str
    beats: list[SparkPart] = []


class Notice(Struct, frozen=True):
    """What a person is told once, with a command to copy, or a form to take it back.

    ``undo`` is where that form goes, ``fields`` what it says beside its button.
    """

    text: str
    command: str = ""
    undo: str = ""
    fields: Mapping[str, str] = {}


def page_title(status: StatusAnswer) -> str:
    """Return the title of the tab: what is wrong first."""
    down = status.verdicts.get("down", 0)
    return f"({down}✖) Pangea" if down else "Pangea"


def job_href(name: str) -> str:
    """Return the address of a job's page."""
    return f"/jobs/{quote(name, safe='')}"


def added_notice(job: JobAnswer) -> Notice:
    """Return what is said after adding *job*: its price and its command."""
    if job.push_path:
        said = t("dash.told_notice", name=job.name, path=job.push_path)
        return Notice(said, add_command(job))
    rounds, workers = parse_rule(job.rule_in_force).down_rounds, len(job.votes)
    found = promised_s(job.interval_s, job.timeout_s, workers, rounds)
    cost = cost_of(job.interval_s, workers, found)
    said = t("dash.added_notice", name=job.name, cost=in_words(cost))
    return Notice(said, add_command(job))


def stopped_notice(job: JobAnswer, worker: str, back: str) -> Notice | None:
    """Return what is said after stopping *job*, all of it or *worker* ("" for all).

    None if it goes on: somebody has started it again.
    """
    stopped = [vote for vote in job.votes if vote.state == "stopped"]
    if worker and worker not in [vote.worker for vote in stopped]:
        return None
    if not worker and runs(job):
        return None
    key = "dash.stopped_on" if worker else "dash.stopped"
    said = t(key, name=job.name, worker=safe_text(worker, 63))
    fields = {"back": back, **({"worker": worker} if worker else {})}
    return Notice(said, undo=f"{job_href(job.name)}/start", fields=fields)


def add_command(job: JobAnswer) -> str:
    """Return the command that would add *job* as it is."""
    words = ["pangea", "job", "add", job.type, job.target, "--name", job.name]
    words += ["--every", format_duration(job.interval_s)]
    words += ["--timeout", format_duration(job.timeout_s)]
    if job.on != "all":
        words += ["--on", job.on]
    if job.rule != "majority":
        words += ["--rule", job.rule]
    if job.expect != "ok":
        words += ["--expect", job.expect]
    words += [word for key in job.depends_on for word in ("--depends-on", key)]
    if job.slo:
        words += ["--slo", f"{job.slo:g}"]
    for name, value in job.labels.items():
        words += ["--label", f"{name}={value}"]
    for name, value in job.options.items():
        shown = ",".join(map(str, value)) if isinstance(value, list) else value
        words += ["--set", f"{name}={shown}"]
    return safe_text(shlex.join(words), 500)


def cell(
    job: JobAnswer, worker: str, vote: VoteAnswer | None, now: str, beats: str = ""
) -> Cell:
    """Return what *worker* says of *job*, in words for who does not see colours."""
    badge = cell_badge(vote)
    said = [f"{safe_text(worker, 60)}: {badge.word}"]
    if vote is not None and vote.duration_ms is not None:
        said.append(ms(vote.duration_ms))
    if vote is not None and (reason := why(vote.reason, vote.detail)):
        said.append(reason)
    if vote is not None and (at := when(vote.at, now)):
        said.append(t("dash.ago", ago=at.ago))
    href = f"{job_href(job.name)}#w-{quote(worker, safe='')}"
    drawn = beat_parts(beats)
    return Cell(safe_text(worker, 60), badge, " · ".join(said), href, drawn)


def beat_parts(beats: str) -> list[SparkPart]:
    """Return the last rounds as a bar, each stretch of equal ones in its colour."""
    parts = []
    for letter, run in groupby(beats):
        drawn, css = BEAT_DRAWN.get(letter, BEAT_DRAWN["e"])
        parts.append(SparkPart(drawn * len(list(run)), letter == "f", css))
    return parts


def reason_of(job: JobAnswer) -> str:
    """Return why *job* is as it is, "" where there is nothing to explain."""
    quiet = job.verdict in ("up", "paused")
    return "" if quiet else safe_text(job.verdict_reason, 300)


def runs(job: JobAnswer) -> bool:
    """Return whether *job* runs anywhere; where it does not it can be started.

    One that was stopped on each of its workers is paused without being disabled.
    """
    return job.enabled and job.verdict != "paused"


def parts_of(drawn: str) -> list[SparkPart]:
    """Return a drawing with its failures apart, so that they get their colour."""
    return [
        SparkPart("".join(part), failed)
        for failed, part in groupby(drawn, key=lambda char: char == FAILURE)
    ]
