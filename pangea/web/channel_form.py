"""The form of a channel: its options as a person types them, and read back."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web
from msgspec import Struct

from pangea.core.channel import PER_MINUTE
from pangea.core.errors import UsageError
from pangea.core.text import safe_text

from .place import Visit
from .schema_channels import ChannelAnswer, ChannelType

#: Options of several lines; ``headers`` has one in each.
LINES = ("headers", "body", "json", "text")
#: Characters of such an option.
MOST = 65_536
_BREAK = re.compile(r"([\n\t])")


class OptionField(Struct, frozen=True):
    """An option in the form; what is ``secret`` is never shown.

    One of several ``lines`` has a field of that shape.
    """

    name: str
    secret: bool
    lines: bool
    value: str
    needed: bool
    usual: str


class ChannelForm(Struct, frozen=True):
    """The form: of a new channel of a ``type``, or of the one called ``old``."""

    old: str
    name: str
    type: str
    does: str
    per_minute: str
    options: list[OptionField]


def form_of(
    request: web.Request,
    visit: Visit,
    types: list[ChannelType],
    found: list[ChannelAnswer],
) -> ChannelForm | None:
    """Return the form that the address, or what was refused, asks for."""
    old = visit.typed("old", request.query.get("edit", ""))
    mine = next((one for one in found if one.name == old), None)
    wanted = mine.type if mine else visit.typed("type", request.query.get("type", ""))
    kind = next((one for one in types if one.name == wanted), None)
    if kind is None:
        return None
    kept: dict[str, Any] = mine.options if mine else {}
    return ChannelForm(
        old=mine.name if mine else "",
        name=safe_text(visit.typed("name", mine.name if mine else kind.name), 63),
        type=kind.name,
        does=safe_text(kind.does, 200),
        per_minute=visit.typed(
            "per_minute", str(mine.per_minute if mine else PER_MINUTE)
        ),
        options=[
            OptionField(
                name=one.name,
                secret=one.secret,
                lines=one.name in LINES and not one.secret,
                value="" if one.secret else _value(visit, one.name, kept),
                needed=one.default is None and mine is None,
                usual=safe_text(one.default or "", 80),
            )
            for one in kind.options
        ],
    )


def _value(visit: Visit, name: str, kept: dict[str, Any]) -> str:
    typed = visit.typed(f"opt.{name}", "\0")
    # What was refused stands there again, also if it was nothing.
    return written(name, kept.get(name, "") if typed == "\0" else typed)


def written(name: str, value: Any) -> str:
    """Return the *value* of an option as it is typed into the form."""
    if isinstance(value, Mapping):
        value = "\n".join(f"{key}: {one}" for key, one in value.items())
    elif isinstance(value, list):
        value = ", ".join(map(str, value))
    if name not in LINES:
        return safe_text(value, 2000)
    parts = _BREAK.split(str(value)[:MOST])
    return "".join(p if _BREAK.match(p) else safe_text(p, MOST) for p in parts)


def read(name: str, typed: str) -> Any:
    """Return what was *typed* for an option of several lines. Raises UsageError."""
    text = "\n".join(typed.splitlines()).strip()
    if len(text) > MOST:
        raise UsageError(f"{name} is longer than {MOST} characters")
    return _headers(text.splitlines()) if name == "headers" else text


def _headers(lines: Iterable[str]) -> dict[str, str]:
    found = {}
    for line in filter(None, map(str.strip, lines)):
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise UsageError(
                f"headers: {safe_text(line, 60)!r} is none",
                hint="write Name: value, one a line",
            )
        found[name.strip()] = value.strip()
    return found


def without_gone(given: dict[str, str], old: Any = None) -> dict[str, str | None]:
    """Return the headers of a change: those of *old* that are not *given* are gone."""
    before = old if isinstance(old, Mapping) else {}
    return {**dict.fromkeys(map(str, before)), **given}
