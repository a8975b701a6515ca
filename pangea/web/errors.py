"""From what was raised to an answer: the one place where an error becomes HTTP."""

import html
import logging
import re
import secrets
from collections.abc import Mapping
from http import HTTPStatus

import jinja2
import msgspec
from aiohttp import web
from msgspec import Struct

from pangea.core.errors import PangeaError
from pangea.core.text import safe_text

from .refusals import NotLoggedIn, TooMany
from .render import render
from .route import Handler

log = logging.getLogger(__name__)

PROBLEM = "application/problem+json"


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what was raised: a problem for programs, a page for people."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        if error.status >= 500:
            return _unforeseen(request)
        return answer(request, foreign(request, error), error.headers)
    except PangeaError as error:
        return answer(request, problem_of(error), headers_of(error))
    except ConnectionError:
        if request.transport is not None and not request.transport.is_closing():
            return _unforeseen(request)
        # Whoever asked has gone, and hears no answer; it is no fault of ours.
        return web.Response(status=HTTPStatus.BAD_REQUEST)
    except Exception:
        # A bug in one handler must cost one answer, not the connection's.
        return _unforeseen(request)


class Problem(Struct, frozen=True, kw_only=True):
    """RFC 9457: what went wrong; ``hint`` is what to do next."""

    type: str
    title: str
    status: int
    detail: str
    hint: str = ""


def problem_of(error: PangeaError) -> Problem:
    """Return the problem document of an error of ours."""
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", type(error).__name__).lower()
    return Problem(
        type=f"urn:pangea:{words.replace(' ', '-')}",
        title=words,
        status=error.status,
        detail=safe_text(error, 500),
        hint=safe_text(error.hint, 500),
    )


def headers_of(error: PangeaError) -> dict[str, str]:
    """Return the headers that belong to an error."""
    if isinstance(error, NotLoggedIn):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, TooMany):
        return {"Retry-After": str(int(error.retry_s) + 1)}
    return {}


def foreign(request: web.Request, error: web.HTTPException) -> Problem:
    """Return the problem document of an error of aiohttp."""
    hint = ""
    if isinstance(error, web.HTTPMethodNotAllowed):
        hint = f"allowed here: {', '.join(sorted(error.allowed_methods))}"
    elif isinstance(error, web.HTTPRequestEntityTooLarge):
        hint = f"a body has at most {request.client_max_size} bytes"
    elif error.status == HTTPStatus.NOT_FOUND and is_for_programs(request):
        hint = "GET /api/v1/openapi.json lists what there is"
    phrase = HTTPStatus(error.status).phrase
    return Problem(
        type="about:blank", title=phrase, status=error.status, detail=phrase, hint=hint
    )


def _unforeseen(request: web.Request) -> web.Response:
    """Answer what nobody foresaw: an id for whoever asked, the rest for the log."""
    number = secrets.token_hex(4)
    method, path = safe_text(request.method, 20), safe_text(request.path)
    log.exception("request %s broke: %s %s", number, method, path)
    problem = Problem(
        type="about:blank",
        title="Internal Server Error",
        status=500,
        detail=f"something broke here, number {number}",
        hint="the log of the coordinator says what, under this number",
    )
    return answer(request, problem, {})


def is_for_programs(request: web.Request) -> bool:
    """Tell whether JSON is wanted: always of the API, else unless HTML is."""
    if request.path.startswith("/api/v1/"):
        return True
    return "text/html" not in request.headers.get("Accept", "")


def answer(
    request: web.Request,
    problem: Problem,
    headers: Mapping[str, str],
) -> web.Response:
    """Return the answer for *problem* with those *headers* that concern it."""
    kept = {
        name: headers[name]
        for name in ("Allow", "Retry-After", "WWW-Authenticate")
        if name in headers
    }
    if is_for_programs(request):
        return web.Response(
            body=msgspec.json.encode(problem),
            status=problem.status,
            content_type=PROBLEM,
            headers=kept,
        )
    response = _page(request, problem)
    response.headers.update(kept)
    return response


def _page(request: web.Request, problem: Problem) -> web.Response:
    """Return the page of a problem; the bare words where that fails too."""
    try:
        return render(request, "error.html", problem, status=problem.status)
    except (jinja2.TemplateError, web.HTTPInternalServerError):
        log.exception("the page of an error broke")
        words = (f"{problem.status} {problem.title}", problem.detail, problem.hint)
        lines = "".join(f"<p>{html.escape(word)}</p>" for word in words)
        text = f"<!doctype html><title>Pangea</title>{lines}"
        return web.Response(text=text, status=problem.status, content_type="text/html")
