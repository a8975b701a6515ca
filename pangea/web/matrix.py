"""Which jobs the dashboard shows, in which order and groups. Pure.

The scripts do the same with the same words (``static/matrix.js``); without scripts
the page's address says what is wanted.
"""

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlencode

from msgspec import Struct

from .schema import JobAnswer, VoteAnswer, WorkerAnswer
from .view import reason_of
from .words import WORST_FIRST, cell_badge

#: Rows of a page for who has no scripts, and of the first painting for who has.
PER_PAGE = 100
SORTS = ("worst", "name", "type", "since", "slow")
#: Of what the workers of a region say, the worst stands for all.
SEVERITY = ("down", "degraded", "unknown", "lost", "up", "maintenance", "paused")
LONGEST_SEARCH = 200


class Ask(Struct, frozen=True):
    """What is wanted: words to search for, verdicts, a grouping, an order, a page.

    ``group`` is "", ``type``, ``label:KEY`` or ``region``: that one is of the
    columns, in which then a region stands for its workers. ``at`` is a moment of
    the past.
    """

    q: str = ""
    verdicts: frozenset[str] = frozenset()
    group: str = ""
    sort: str = "worst"
    page: int = 1
    at: str = ""

    def href(self, **changes: str) -> str:
        """Return the address of the dashboard with *changes*; "" takes one away."""
        said = {
            "at": self.at,
            "q": self.q,
            "verdict": ",".join(v for v in WORST_FIRST if v in self.verdicts),
            "group": self.group,
            "sort": "" if self.sort == "worst" else self.sort,
            "page": "",
        }
        said = {name: value for name, value in (said | changes).items() if value}
        return f"/dash?{urlencode(said)}" if said else "/dash"


class Group(Struct, frozen=True):
    """Jobs under one heading; "" is the heading of an ungrouped list."""

    title: str
    jobs: list[JobAnswer]


def asked_of(query: Mapping[str, str]) -> Ask:
    """Return what the address asks for; what makes no sense is left out."""
    page, sort = query.get("page", ""), query.get("sort", "")
    return Ask(
        q=query.get("q", "")[:LONGEST_SEARCH].strip(),
        verdicts=frozenset(query.get("verdict", "").split(",")) & set(WORST_FIRST),
        group=grouping(query.get("group", "")),
        sort=sort if sort in SORTS else "worst",
        page=int(page) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
        at=query.get("at", "")[:100],
    )


def grouping(text: str) -> str:
    """Return a grouping that can be, or ""."""
    kind, _, key = text.partition(":")
    if (kind == "label" and key) or text in ("type", "region"):
        return text[:200]
    return ""


def chosen(jobs: Sequence[JobAnswer], ask: Ask) -> list[JobAnswer]:
    """Return the jobs that are asked for, in the order asked for."""
    words = ask.q.lower().split()
    found = [
        job
        for job in jobs
        if (not ask.verdicts or job.verdict in ask.verdicts) and _has(job, words)
    ]
    return sorted(found, key=lambda job: _place(job, ask.sort))


def grouped(jobs: Sequence[JobAnswer], group: str) -> list[Group]:
    """Return *jobs* under their headings, which stand in the order of the first."""
    if not group or group == "region":
        return [Group("", list(jobs))] if jobs else []
    found: dict[str, list[JobAnswer]] = {}
    for job in jobs:
        found.setdefault(heading(job, group), []).append(job)
    return [Group(title, held) for title, held in found.items()]


def paged(
    groups: Sequence[Group], page: int
) -> Iterator[tuple[Group, list[JobAnswer]]]:
    """Yield the groups of a *page*, each with those of its jobs that stand there."""
    begin, end = (page - 1) * PER_PAGE, page * PER_PAGE
    at = 0
    for group in groups:
        part = group.jobs[max(begin - at, 0) : max(end - at, 0)]
        at += len(group.jobs)
        if part:
            yield group, part


def heading(job: JobAnswer, group: str) -> str:
    """Return the heading under which *job* stands."""
    if group == "type":
        return job.type
    key = group.partition(":")[2]
    return f"{key}={job.labels[key]}" if key in job.labels else f"no {key}"


def label_keys(jobs: Sequence[JobAnswer], most: int = 20) -> list[str]:
    """Return the labels by which can be grouped: those of most jobs first."""
    counts: dict[str, int] = {}
    for job in jobs:
        for key in job.labels:
            counts[key] = counts.get(key, 0) + 1
    return sorted(counts, key=lambda key: (-counts[key], key))[:most]


def regions(workers: Sequence[WorkerAnswer]) -> dict[str, list[str]]:
    """Return the workers of each region; who has none stands alone."""
    found: dict[str, list[str]] = {}
    for worker in workers:
        found.setdefault(worker.region or worker.name, []).append(worker.name)
    return found


def worst_of(votes: Sequence[VoteAnswer]) -> VoteAnswer | None:
    """Return the vote that says the worst; None if there is none at all."""
    return min(votes, key=lambda vote: _severity(cell_badge(vote).css), default=None)


def _severity(css: str) -> int:
    return SEVERITY.index(css) if css in SEVERITY else len(SEVERITY)


def _has(job: JobAnswer, words: Sequence[str]) -> bool:
    """Tell whether each word is found somewhere; ``-word`` must not be."""
    if not words:
        return True
    labels = " ".join(f"{key}={value}" for key, value in job.labels.items())
    said = (job.name, job.type, job.target, job.verdict, reason_of(job), labels)
    text = " ".join(said).lower()
    return all(
        word[1:] not in text if len(word) > 1 and word[0] == "-" else word in text
        for word in words
    )


def _place(job: JobAnswer, sort: str) -> tuple[object, ...]:
    rank = WORST_FIRST.index(job.verdict) if job.verdict in WORST_FIRST else 99
    if sort == "name":
        return (job.name,)
    if sort == "type":
        return job.type, rank, job.name
    if sort == "since":
        # The last change first; RFC 3339 in UTC sorts as text.
        return tuple(-ord(char) for char in job.verdict_since or ""), job.name
    if sort == "slow":
        return -(job.last_duration_ms or 0.0), job.name
    return rank, job.name
