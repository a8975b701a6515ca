"""What the pages of workers, mesh, incidents and settings have in common."""

from typing import Any

from aiohttp import web
from msgspec import Struct

from .forms import FormError
from .keys import HUB, SERVICE, who_is
from .render import render
from .view import page_title
from .words import clock


class Refused(Struct, frozen=True):
    """Why a form was not taken, and what to do."""

    message: str
    hint: str


class PlaceView(Struct, frozen=True):
    """A page: its head, and ``body``, which its template prints.

    ``event`` is the last of what had happened when it was drawn. One that answers a
    form (``still``) stands at an address that draws nothing, so it is not drawn again.
    """

    now: str
    clock: str
    title: str
    heading: str
    worst: str
    event: int
    still: bool
    refused: Refused | None
    body: Any


class Visit:
    """A request for a page: what had happened and how things are, asked once."""

    def __init__(self, request: web.Request, refused: FormError | None = None) -> None:
        self.request = request
        self.who = who_is(request)
        # Before anything is read: what happens meanwhile is then told once more.
        self.event = request.app[HUB].last_id
        self.refused = refused

    async def page(
        self, template: str, heading: str, body: Any, *, still: bool = False
    ) -> web.Response:
        """Answer with *template* under *heading*; 400 if a form was refused."""
        status = await self.request.app[SERVICE].status(self.who.org)
        wrong = self.refused
        verdicts = status.verdicts
        view = PlaceView(
            now=status.now,
            clock=clock(status.now),
            title=f"{heading} · {page_title(status)}",
            heading=heading,
            worst=next((v for v in ("down", "degraded") if verdicts.get(v)), "up"),
            event=self.event,
            still=still or wrong is not None,
            refused=Refused(wrong.message, wrong.hint) if wrong else None,
            body=body,
        )
        return render(self.request, template, view, status=400 if wrong else 200)

    async def now(self) -> str:
        """Return the time on the coordinator's clock."""
        return (await self.request.app[SERVICE].status(self.who.org)).now

    def typed(self, name: str, usual: str = "") -> str:
        """Return what was typed into a field that was refused."""
        return str(self.refused.typed.get(name, usual)) if self.refused else usual
