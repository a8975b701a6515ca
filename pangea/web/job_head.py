"""What stands on top of every page of a job, and around it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from msgspec import Struct

from pangea.core.text import safe_text

from .job_range import Picker, Range, address, written
from .schema import JobAnswer, StatusAnswer
from .text import t
from .view import job_href, page_title, runs
from .words import Badge, When, clock, verdict_badge, when

#: The pages of a job: the end of the address, and the key of what it is called.
PAGES = (
    ("", "job.overview"),
    ("/workers", "job.by_worker"),
    ("/calendar", "job.calendar"),
    ("/results", "job.results"),
)
EDIT = ("/edit", "job.change")
#: How far a link moves the moment that a page stands at, in minutes.
STEPS = ((-60, "−1 h"), (-10, "−10 min"), (10, "+10 min"), (60, "+1 h"))
#: The keys that take some of these steps, and what the help says of them.
KEYS = {-10: ("[", "keys.earlier"), 10: ("]", "keys.later")}


class Tab(Struct, frozen=True):
    """A link to one of a job's pages."""

    word: str
    href: str
    chosen: bool


class Link(Struct, frozen=True):
    """A link to another moment, with the key that leads there."""

    word: str
    href: str
    key: str = ""
    says: str = ""


class JobHead(Struct, frozen=True):
    """The job and its state now, or ``at`` the moment that the page stands at.

    What is ``told`` cannot be asked; ``notes`` is whether one may be added.
    """

    name: str
    href: str
    type: str
    target: str
    badge: Badge
    reason: str
    since: When | None
    enabled: bool
    told: bool
    push: str
    notes: bool
    tabs: list[Tab]
    at: str
    steps: list[Link]
    clock: str


class JobPage(Struct, frozen=True):
    """A page of a job; ``body`` is what its template prints below the head."""

    now: str
    title: str
    worst: str
    event: int
    head: JobHead
    picker: Picker | None
    body: Any


def job_page(
    path: str,
    job: JobAnswer,
    status: StatusAnswer,
    shown: Range,
    body: Any,
    *,
    tab: str = "",
    event: int = 0,
    admin: bool = False,
    notes: bool = False,
    picker: Picker | None = None,
) -> JobPage:
    """Return the page at *path* of *job* as it is now, or was as *shown*."""
    badge = verdict_badge(job.verdict)
    name = safe_text(job.name, 63)
    then = datetime.fromtimestamp(shown.end_s, UTC) if shown.at else None
    now = status.now
    seen = then.strftime("%Y-%m-%dT%H:%M:%SZ") if then else now
    return JobPage(
        now=now,
        title=f"{badge.glyph} {name} · {page_title(status)}",
        worst=job.verdict,
        event=event,
        head=JobHead(
            name=name,
            href=job_href(job.name),
            type=safe_text(job.type, 20),
            target=safe_text(job.target, 300),
            badge=badge,
            reason=safe_text(job.verdict_reason, 300),
            since=when(job.verdict_since, seen),
            enabled=runs(job),
            told=job.push_path is not None,
            push=job.push_path or "",
            notes=notes,
            tabs=tabs(job, shown, tab, admin=admin and then is None),
            at=then.strftime("%Y-%m-%d %H:%M:%S") if then else "",
            steps=_steps(path, shown, now) if then else [],
            clock=clock(now),
        ),
        picker=picker,
        body=body,
    )


def tabs(job: JobAnswer, shown: Range, chosen: str, *, admin: bool) -> list[Tab]:
    """Return the links to the pages of *job*, over the same stretch of time."""
    pages = [*PAGES, EDIT] if admin else PAGES
    base = job_href(job.name)
    return [
        Tab(
            t(key),
            base + end if end == EDIT[0] else address(base + end, shown.query),
            end == chosen,
        )
        for end, key in pages
    ]


def _steps(path: str, shown: Range, now: str) -> list[Link]:
    """Return the links from the moment that is *shown* to others, and to now."""
    last = datetime.fromisoformat(now).timestamp()
    at = datetime.fromtimestamp(shown.end_s, UTC)
    word = {"range": shown.word} if shown.word else {}
    found = []
    for minutes, said in STEPS:
        moved = (at + timedelta(minutes=minutes)).timestamp()
        if moved <= last:
            href = address(path, {"at": written(moved), **word})
            found.append(Link(said, href, *KEYS.get(minutes, ("", ""))))
    return found


def has_page(request: web.Request, path: str) -> bool:
    """Tell whether the site has a route with that *path*, such as ``/x/{id}``."""
    known = request.app.router.resources()
    return any(resource.canonical == path for resource in known)
