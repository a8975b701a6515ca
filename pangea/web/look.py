"""How a person wants pages to look: a cookie of this browser, read by the server.

So there is no flash of another theme, and it works without scripts.
"""

from datetime import UTC, tzinfo
from typing import Any

from aiohttp import web
from msgspec import Struct

from pangea.core.errors import UsageError
from pangea.core.maintenance import zone_of

from .auth import as_it_was, safe_next
from .caller import is_secure
from .route import Route
from .text import t

COOKIE = "pangea_look"
YEAR_S = 365 * 86400

#: What there is to choose, the usual first; ``auto`` follows the system.
CHOICES = {
    "theme": ("auto", "green", "contrast"),
    "density": ("roomy", "dense"),
    "zone": ("utc", "local"),
    "effects": ("auto", "off"),
    "keys": ("on", "off"),
}
#: The pages of the navigation: address, text, and the letter after ``g``.
NAV = (
    ("/dash", "base.nav_dash", "d"),
    ("/incidents", "base.nav_incidents", "i"),
    ("/workers", "base.nav_workers", "w"),
    ("/mesh-view", "base.nav_mesh", "m"),
    ("/settings", "base.nav_settings", "s"),
)


class Switch(Struct, frozen=True):
    """One thing to choose in the menu of the look."""

    name: str
    words: str
    options: list[tuple[str, str, bool]]


class Look(Struct, frozen=True):
    """What was chosen; ``tz`` is the browser's zone if times are to be local."""

    theme: str = "auto"
    density: str = "roomy"
    zone: str = "utc"
    effects: str = "auto"
    keys: str = "on"
    tz: str = ""

    @property
    def clocks(self) -> tzinfo:
        """Return the zone by whose clocks a page is drawn."""
        return _known(self.tz) if self.zone == "local" else UTC

    @property
    def switches(self) -> list[Switch]:
        """Return the menu."""
        return [
            Switch(
                name,
                t(f"base.look_{name}"),
                [
                    (one, t(f"base.{name}_{one}"), one == getattr(self, name))
                    for one in options
                ],
            )
            for name, options in CHOICES.items()
        ]


class Link(Struct, frozen=True):
    """A page of the navigation."""

    href: str
    words: str
    key: str
    current: bool


def look_of(request: web.Request) -> Look:
    """Return what the cookie says; what makes no sense is as usual."""
    said = dict(
        part.split(":", 1)
        for part in request.cookies.get(COOKIE, "")[:200].split(".")
        if ":" in part
    )
    return _sound(said)


def links(path: str) -> list[Link]:
    """Return the navigation as seen from *path*."""
    return [Link(href, t(key), f"g {g}", _within(path, href)) for href, key, g in NAV]


def _within(path: str, href: str) -> bool:
    return path == href or path.startswith(f"{href}/")


def _sound(said: dict[str, Any]) -> Look:
    known = {
        name: said[name] for name, many in CHOICES.items() if said.get(name) in many
    }
    tz = str(said.get("tz", ""))
    return Look(**known, tz=tz if _known(tz) is not UTC else "")


def _known(tz: str) -> tzinfo:
    """Return the zone *tz*; UTC for one that this machine does not know."""
    try:
        return zone_of(tz)
    except UsageError:
        return UTC


async def set_look(request: web.Request) -> web.StreamResponse:
    """POST /look : keep what was chosen, and go back to where it was chosen."""
    data = await request.post()
    said_now = {name: str(data.get(name, "")) for name in CHOICES}
    look = _sound(said_now | {"tz": look_of(request).tz})
    answer = web.HTTPSeeOther(as_it_was(request, safe_next(str(data.get("next", "")))))
    said = ".".join(f"{name}:{getattr(look, name)}" for name in (*CHOICES, "tz"))
    answer.set_cookie(
        COOKIE,
        said,
        max_age=YEAR_S,
        secure=is_secure(request),
        samesite="Lax",
    )
    raise answer


LOOK: list[Route] = [
    Route(
        method="POST",
        path="/look",
        handler=set_look,
        summary="How pages look in this browser",
        auth="none",
        page=True,
    )
]
