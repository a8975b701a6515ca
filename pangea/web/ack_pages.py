"""The page behind the link of a message: one button, and no login.

What looks at links before people do (mail scanners, previews of chats) asks with GET,
and acknowledges nothing: that takes the button.
"""

from datetime import datetime
from typing import Protocol

from aiohttp import web
from msgspec import Struct

from pangea.core.errors import Conflict

from .asked import read_form
from .keys import WHO
from .render import render
from .route import Route

#: Characters of what may be said with it.
MOST_NOTE = 300


class AckShown(Struct, frozen=True, kw_only=True):
    """What a link is for: ``ready`` to be used, or else why it is not.

    ``used``, ``taken`` (by somebody else), ``over``, ``merged`` or ``expired``. The
    link of a list is for ``count`` incidents at once.
    """

    state: str
    title: str
    verdict: str
    reason: str
    since: str
    channel: str
    incident: str
    by: str
    at: str
    text: str
    drill: bool = False
    count: int = 1


class AckService(Protocol):
    """The links of messages."""

    async def look(self, token: str) -> AckShown:
        """Return what a link is for. Raises NotFound if it is none."""
        ...

    async def use(self, token: str, by: str, text: str) -> AckShown:
        """Acknowledge. Raises NotFound, Conflict."""
        ...


class AckView(AckShown, frozen=True, kw_only=True):
    """The page; times as people read them."""

    token: str
    since_words: str
    at_words: str
    longest: int = MOST_NOTE


ACKS: web.AppKey[AckService] = web.AppKey("acks", AckService)


async def ack_page(request: web.Request) -> web.StreamResponse:
    """GET /ack/{token} : what it is about, and the button."""
    token = request.match_info["token"]
    return _page(request, token, await request.app[ACKS].look(token))


async def ack(request: web.Request) -> web.StreamResponse:
    """POST /ack/{token} : somebody takes care of it."""
    token, form = request.match_info["token"], await read_form(request)
    who, text = request.get(WHO), str(form.get("text", ""))[:MOST_NOTE]
    acks = request.app[ACKS]
    try:
        shown = await acks.use(token, who.name if who else "", text)
    except Conflict:
        return _page(request, token, await acks.look(token), 409)
    return _page(request, token, shown)


def _page(
    request: web.Request, token: str, shown: AckShown, status: int = 200
) -> web.Response:
    said = {name: getattr(shown, name) for name in shown.__struct_fields__}
    view = AckView(
        **said, token=token, since_words=_words(shown.since), at_words=_words(shown.at)
    )
    return render(request, "ack.html", view, status=status)


def _words(moment: str) -> str:
    if not moment:
        return ""
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M:%S} UTC"


ACK_PAGES: list[Route] = [
    Route(
        method="GET",
        path="/ack/{token}",
        handler=ack_page,
        summary="What the link of a message is for, with the button to acknowledge it",
        auth="none",
        page=True,
    ),
    Route(
        method="POST",
        path="/ack/{token}",
        handler=ack,
        summary="Acknowledge by the link of a message",
        auth="none",
        page=True,
    ),
]
