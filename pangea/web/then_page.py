"""The dashboard as of a moment: what was known then, standing still."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from aiohttp import web
from msgspec import Struct
from msgspec.structs import asdict

from .api_past import at_us, past_of
from .dash_view import DashView, dash_view
from .keys import SITE, Who
from .matrix import asked_of
from .render import render

#: How far a link goes, in minutes, and what it says.
STEPS = ((-60, "−1 h"), (-10, "−10 min"), (-1, "−1 min"),
         (1, "+1 min"), (10, "+10 min"), (60, "+1 h"))  # fmt: skip
#: The keys that take some of these steps, and what the help says of them.
KEYS = {-10: ("[", "keys.earlier"), 10: ("]", "keys.later")}


class Step(Struct, frozen=True):
    """A link to another moment, with the key that leads there."""

    words: str
    href: str
    key: str = ""
    says: str = ""


class ThenView(DashView, frozen=True):
    """All of /dash?at=; ``day`` and ``clock`` are the moment, ``steps`` lead on."""

    at: str
    day: str
    clock: str
    steps: list[Step]


async def dash_then(request: web.Request, who: Who, text: str) -> web.Response:
    """GET /dash?at= : every job as it was known then."""
    moment_us = at_us(request, text)
    past = past_of(request)
    status = await past.status_at(who.org, moment_us)
    jobs = await past.jobs_at(who.org, moment_us)
    view = dash_view(status, jobs, [], lambda _: {}, [], asked_of(request.query))
    at = datetime.fromtimestamp(moment_us / 1e6, UTC)
    then = ThenView(
        **asdict(view),
        # Links lead to that moment, also a while later.
        at=at.strftime("%Y-%m-%d %H:%M:%S"),
        day=at.strftime("%Y-%m-%d"),
        clock=at.strftime("%H:%M:%S"),
        steps=_steps(at, request.app[SITE].wall()),
    )
    return render(request, "then.html", then)


def _steps(at: datetime, now: float) -> list[Step]:
    found = []
    for minutes, words in STEPS:
        moved = at + timedelta(minutes=minutes)
        if moved.timestamp() <= now:
            iso = moved.strftime("%Y-%m-%dT%H:%M:%SZ")
            href = f"/dash?at={quote(iso)}"
            found.append(Step(words, href, *KEYS.get(minutes, ("", ""))))
    return found
