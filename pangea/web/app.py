"""The site: the route table, who may call it, and what surrounds every request."""

import re
import socket
from collections.abc import Iterable
from dataclasses import replace

import aiohttp_jinja2
from aiohttp import web
from yarl import URL

from pangea.core.errors import NotAllowed, NotFound
from pangea.core.text import safe_text

from .accounts import Accounts
from .asked import read_asked, read_form
from .auth import identify
from .caller import address_of
from .docs import DOCUMENT
from .errors import errors
from .events import Hub
from .guard import LARGEST_BODY, SAFE, dress, guard
from .keys import ACCEPT_LINK, ACCOUNTS, HUB, SERVICE, SITE, WHO, AcceptLink, Site, Who
from .live import FEEDS, Feeds
from .login import DESK, LoginDesk
from .matrix_body import BODIES, Bodies
from .mesh import DOOR, Door
from .openapi import make_document
from .refusals import NotLoggedIn
from .render import templates
from .route import Handler, Route
from .routes import ROUTES
from .service import Service
from .sse import STREAMS, Streams
from .undo import UNDO, Undo

_NAME = re.compile(r"[a-z0-9._-]{1,63}")
#: Reached by everybody, always the same, so nobody needs to be known.
_FILES = ("/static/", "/favicon")


def make_app(
    service: Service,
    hub: Hub,
    accounts: Accounts,
    *,
    accept_link: AcceptLink,
    site: Site,
    routes: Iterable[Route] = ROUTES,
) -> web.Application:
    """Return the site, ready for ``server.serve``.

    The names of this machine are added to ``site.hosts``.
    """
    app = web.Application(middlewares=[errors, guard], client_max_size=LARGEST_BODY)
    app[SERVICE], app[HUB], app[ACCOUNTS] = service, hub, accounts
    app[UNDO] = Undo()
    app[SITE], app[ACCEPT_LINK] = with_own_names(site), accept_link
    app[DESK], app[DOOR], app[STREAMS] = LoginDesk(), Door(), Streams()
    app[FEEDS] = Feeds(hub)
    app[BODIES] = Bodies()
    table = tuple(routes)
    app[DOCUMENT] = make_document(table)
    for route in table:
        for method in route.methods:
            app.router.add_route(method, route.path, guarded(route))
    prepare_templates(app)
    app.on_response_prepare.append(dress)
    app.on_shutdown.append(app[STREAMS].end_all)
    app.on_shutdown.append(app[FEEDS].close)
    app.on_shutdown.append(app[DOOR].close)
    app.on_cleanup.append(app[DESK].close)
    return app


def prepare_templates(app: web.Application) -> None:
    """Let pages of *app* be drawn."""
    app[aiohttp_jinja2.APP_KEY] = templates()


def with_own_names(site: Site) -> Site:
    """Add what this machine calls itself; names are compared in lower case."""
    own = socket.gethostname()
    names = (own, own.partition(".")[0], *site.hosts)
    return replace(site, hosts=frozenset(name.lower().rstrip(".") for name in names))


def guarded(route: Route) -> Handler:
    """Return the handler of *route* behind its door: who asks, and what exactly."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if route.auth != "none" or (route.page and not _is_file(route)):
            request[WHO] = who = await identify(request)
            if who is not None:
                request.app[DOOR].known.seen(address_of(request))
        _admit(request, route)
        _check_names(request)
        if not route.page:
            await read_asked(request, route)
        elif request.method not in SAFE:
            await read_form(request)
        return await route.handler(request)

    return handle


def _is_file(route: Route) -> bool:
    return route.path.startswith(_FILES)


def _admit(request: web.Request, route: Route) -> None:
    """Raise unless who asks may call *route*; a page leads to the login."""
    if route.auth == "none":
        return
    who: Who | None = request[WHO]
    if who is None and route.page and "Authorization" not in request.headers:
        path = request.path if request.method in SAFE else "/dash"
        raise web.HTTPSeeOther(URL("/login").with_query(next=path))
    if who is None:
        raise NotLoggedIn(
            "not logged in, or the token is wrong",
            hint="send Authorization: Bearer with what admin.token holds",
        )
    if not who.may(route.auth):
        raise NotAllowed(f"{who.name} may look, but not change anything")


def _check_names(request: web.Request) -> None:
    """Raise NotFound for a name that nothing can have."""
    name = request.match_info.get("name")
    if name is not None and not _NAME.fullmatch(name):
        raise NotFound(
            f"nothing can be called {safe_text(name, 80)!r}",
            hint="names are a-z, 0-9, dot, dash and underscore, at most 63 of them",
        )
