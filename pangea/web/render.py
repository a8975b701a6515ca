"""From view data to an answer: templates, static files, and where a form returns."""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web
from msgspec import Struct
from yarl import URL

from pangea.core.text import safe_text

from .auth import as_it_was
from .caller import is_here, is_secure
from .keys import WHO
from .look import Link, Look, links, look_of
from .text import script_texts, t
from .view import Notice, job_href

KINDS = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain",
}


class Shell(Struct, frozen=True):
    """What surrounds every page; ``origin`` is how a browser reaches this site."""

    origin: str
    path: str
    user: str
    admin: bool
    operator: bool
    plain_http: bool
    nav: list[Link]
    look: Look


class LoginView(Struct, frozen=True):
    """The page with the form for the access code; ``next`` is where to go then."""

    title: str
    error: str
    next: str


@cache
def templates() -> jinja2.Environment:
    """Return the templates, compiled once; an unknown name in one is an error."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("pangea.web_assets", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["t"] = t
    return made


def render(
    request: web.Request,
    template: str,
    view: Any,
    *,
    notice: Notice | None = None,
    status: int = 200,
) -> web.Response:
    """Answer with *template* filled with *view*; never cached."""
    who = request.get(WHO)
    scheme = "https" if is_secure(request) else "http"
    shell = Shell(
        origin=f"{scheme}://{safe_text(request.host, 300)}",
        path=safe_text(request.path, 2000),
        user=who.name if who else "",
        admin=bool(who and who.is_admin),
        operator=bool(who and who.may("operator")),
        plain_http=plain_http(request),
        nav=links(request.path),
        look=look_of(request),
    )
    context = {"shell": shell, "view": view, "notice": notice}
    response = aiohttp_jinja2.render_template(template, request, context, status=status)
    response.headers["Cache-Control"] = "no-store"
    response.enable_compression()
    return response


def login_page(
    request: web.Request, error: str = "", status: int = 200
) -> web.Response:
    """Answer with the form for the access code, and with what was wrong."""
    view = LoginView(
        title=t("base.title_log_in"),
        error=safe_text(error, 300),
        next=safe_text(request.query.get("next", "/dash"), 300),
    )
    return render(request, "login.html", view, status=status)


def plain_http(request: web.Request) -> bool:
    """Tell whether what is said here can be read on the way."""
    return not is_secure(request) and not is_here(request)


def wants_html(request: web.Request) -> bool:
    """Tell whether a browser asks."""
    return "text/html" in request.headers.get("Accept", "")


def back_to(
    request: web.Request, data: Mapping[str, Any], job: str, **said: str
) -> web.HTTPSeeOther:
    """Return the way back to the page on which the form was, by its ``back``.

    *said* goes into its query: what the page then says once.
    """
    path = "/dash" if data.get("back") == "dash" else job_href(job)
    there = URL(as_it_was(request, path), encoded=True)
    return web.HTTPSeeOther(there.extend_query(said))


async def static_file(request: web.Request) -> web.StreamResponse:
    """GET /static/{file} and the icon; only what was packed has an address."""
    name = request.match_info.get("file", "favicon.svg")
    found = _files().get(name)
    if found is None:
        raise web.HTTPNotFound
    body, etag, kind = found
    age = 604800 if kind == "font/woff2" else 0
    headers = {"ETag": etag, "Cache-Control": f"public, max-age={age}"}
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers=headers)
    response = web.Response(body=body, content_type=kind, headers=headers)
    if kind != "font/woff2":
        response.charset = "utf-8"
        response.enable_compression()
    return response


@cache
def _files() -> dict[str, tuple[bytes, str, str]]:
    """Return body, ETag and type of every static file by its name."""
    folder = resources.files("pangea.web_assets").joinpath("static")
    found = {item.name: item.read_bytes() for item in folder.iterdir()}
    found["text.js"] = script_texts()
    files = {}
    for name, body in found.items():
        kind = KINDS.get("." + name.rpartition(".")[2])
        if kind:
            digest = hashlib.sha256(body).hexdigest()[:16]
            files[name] = (body, f'"{digest}"', kind)
    return files
