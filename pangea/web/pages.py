"""The pages a person sees: parse, one call of the service, render or redirect."""

from aiohttp import web

from .bulk_pages import BULK_PAGES
from .dash_pages import DASH_PAGES
from .incident_pages import INCIDENT_PAGES
from .job_forms import JOB_PAGES
from .keys import WHO
from .look import LOOK
from .mesh_pages import MESH_PAGES
from .new_pages import NEW_PAGES
from .render import login_page, static_file
from .route import Auth, Handler, Route
from .settings_pages import SETTINGS_PAGES
from .worker_pages import WORKER_PAGES

__all__ = ["PAGES", "login_page"]


async def login(request: web.Request) -> web.StreamResponse:
    """GET /login : the form for the access code."""
    if request.get(WHO) is not None:
        raise web.HTTPSeeOther("/dash")
    return login_page(request)


def _page(method: str, path: str, handler: Handler, auth: Auth, summary: str) -> Route:
    return Route(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        auth=auth,
        page=True,
    )


PAGES: list[Route] = [
    *DASH_PAGES,
    *NEW_PAGES,
    *BULK_PAGES,
    *LOOK,
    _page("GET", "/login", login, "none", "The form for the access code"),
    *JOB_PAGES,
    *INCIDENT_PAGES,
    *WORKER_PAGES,
    *MESH_PAGES,
    *SETTINGS_PAGES,
    _page("GET", "/static/{file}", static_file, "none", "Style, scripts, fonts"),
    _page("GET", "/favicon.svg", static_file, "none", "The icon"),
    _page("GET", "/favicon.ico", static_file, "none", "The icon"),
]
