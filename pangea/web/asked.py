"""Reading what was asked: strictly, bounded in size and time, with words that help."""

import asyncio
import re
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from multidict import MultiMapping

from pangea.core.durations import parse_duration
from pangea.core.errors import UsageError
from pangea.core.moments import HINT, parse_moment
from pangea.core.options import build, nearest, words_of
from pangea.core.text import safe_text

from .keys import BODY, QUERY, SITE
from .refusals import SlowBody, WrongMedia
from .route import Route

T = TypeVar("T", bound=msgspec.Struct)

#: What msgspec says of a word that is none of those allowed.
_WORD = re.compile("Invalid enum value '(.*)'", re.DOTALL)
_DURATION = re.compile(r"[0-9][0-9.a-z]*")
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def query_of(request: web.Request, shape: type[T]) -> T:
    """Return the query as the table says it is."""
    return _as(request[QUERY], shape)


def body_of(request: web.Request, shape: type[T]) -> T:
    """Return the body as the table says it is."""
    return _as(request[BODY], shape)


def _as(value: object, shape: type[T]) -> T:
    if not isinstance(value, shape):
        raise TypeError(f"the route table promises {type(value)}, not {shape}")
    return value


async def read_asked(request: web.Request, route: Route) -> None:
    """Put query and body of an API call where ``query_of`` and ``body_of`` look.

    Raises UsageError (WrongMedia, SlowBody) for what does not fit the table.
    """
    if route.query is not None:
        given = _once(request, route.query)
        request[QUERY] = build(route.query, given, "query")
    elif request.query and not route.page:
        raise UsageError("this route takes no query parameters")
    if route.body is not None and not route.page:
        request[BODY] = _json(route.body, await _raw(request, JSON))


async def read_form(request: web.Request) -> MultiMapping[Any]:
    """Return the fields of a form that a page has posted, all of them text.

    Raises WrongMedia unless it is url-encoded, SlowBody, and UsageError.
    """
    await _raw(request, FORM)
    try:
        return await request.post()
    except (ValueError, LookupError) as error:
        raise UsageError("the form is not text in UTF-8") from error


async def _raw(request: web.Request, media: str) -> bytes:
    if "Content-Encoding" in request.headers:
        raise WrongMedia("a compressed body is not read here", hint="send it plain")
    try:
        async with asyncio.timeout(request.app[SITE].body_s):
            raw = await request.read()
    except TimeoutError as error:
        raise SlowBody("the body did not arrive in time") from error
    if raw and request.content_type != media:
        got = safe_text(request.content_type, 80)
        raise WrongMedia(f"the body is {got}", hint=f"Content-Type: {media} is read")
    return raw


def _once(request: web.Request, shape: type[msgspec.Struct]) -> dict[str, str]:
    """Return the parameters; a switch may be given without a value."""
    for name in request.query:
        if len(request.query.getall(name)) > 1:
            raise UsageError(f"query: {safe_text(name, 60)!r} is given more than once")
    switches = {f.name for f in msgspec.structs.fields(shape) if f.type is bool}
    return {
        name: "true" if name in switches and not value else value
        for name, value in request.query.items()
    }


def _json(shape: type[T], raw: bytes) -> T:
    """Return the JSON *raw* as a *shape*; nothing at all is an empty object."""
    try:
        values = msgspec.json.decode(raw or b"{}")
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"the body is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise UsageError("the body must be a JSON object")
    known = [field.encode_name for field in msgspec.structs.fields(shape)]
    for key in values:
        if key not in known:
            raise UsageError(
                f"unknown field {safe_text(key, 60)!r}", hint=nearest(key, known)
            )
    return _fits(shape, values)


def _fits(shape: type[T], values: dict[str, Any]) -> T:
    try:
        return msgspec.convert(values, shape)
    except msgspec.ValidationError as error:
        text, _, path = str(error).replace("`", "").partition(" - at $.")
        name = path.partition("[")[0]
        if name and (wrong := _WORD.fullmatch(text)):
            said = f"{name}: unknown {safe_text(wrong[1], 60)!r}"
            hint = nearest(wrong[1], words_of(shape, name))
            raise UsageError(said, hint=hint) from error
        raise UsageError(f"{path}: {text}" if path else text) from error


def moment_us(text: str | None, now: float, name: str) -> int | None:
    """Return microseconds of UTC for a moment, or a duration before now.

    *now* is in seconds. An RFC 3339 time may be still to come, what else
    `core.moments` reads may not. Raises UsageError that names the parameter.
    """
    if text is None:
        return None
    if _DURATION.fullmatch(text):
        return int((now - parse_duration(text)) * 1e6)
    try:
        # In a query a plus sign is a space; nobody remembers to write %2B.
        at = datetime.fromisoformat(text.replace(" ", "+"))
        if at.tzinfo is None:
            raise ValueError("no time zone")
        return int(at.timestamp() * 1e6)
    except (ValueError, OverflowError):
        return _past_us(text, now, name)


def _past_us(text: str, now: float, name: str) -> int:
    try:
        return int(parse_moment(text, now) * 1e6)
    except UsageError as error:
        raise UsageError(f"{name}: {error}", hint=HINT) from error
