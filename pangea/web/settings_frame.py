"""What all pages of the settings have in common: their tabs, and reading forms."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct
from multidict import MultiMapping

from pangea.core.durations import parse_duration
from pangea.core.errors import NotFound, UsageError
from pangea.core.text import safe_text

from .forms import FormError
from .keys import Who
from .place import Visit
from .route import Auth
from .text import t

T = TypeVar("T")

#: The pages: address, text, and who may see them.
TABS: tuple[tuple[str, str, Auth], ...] = (
    ("/settings", "settings.tab_system", "viewer"),
    ("/settings/channels", "settings.tab_channels", "operator"),
    ("/settings/rules", "settings.tab_rules", "viewer"),
    ("/settings/maintenance", "settings.tab_maintenance", "viewer"),
    ("/settings/secrets", "settings.tab_secrets", "admin"),
)


class Tab(Struct, frozen=True):
    """A link to one of the pages."""

    href: str
    word: str
    chosen: bool


class SettingsView(Struct, frozen=True):
    """A page of the settings; ``part`` is what its template prints."""

    tabs: list[Tab]
    part: Any


@contextmanager
def mending(data: MultiMapping[Any]) -> Iterator[None]:
    """Turn what a person can mend, also a name that nothing has, into a FormError."""
    with FormError.catching(data):
        try:
            yield
        except NotFound as error:
            raise UsageError(str(error), hint=error.hint) from error


async def settings_page(
    visit: Visit, name: str, part: Any, *, still: bool = False
) -> web.Response:
    """Answer with the page *name* (of TABS, "" for the first)."""
    href = f"/settings/{name}" if name else "/settings"
    body = SettingsView(_tabs(visit.who, href), part)
    template = f"settings_{name or 'system'}.html"
    return await visit.page(template, t("settings.title"), body, still=still)


def _tabs(who: Who, chosen: str) -> list[Tab]:
    return [
        Tab(href, t(word), href == chosen) for href, word, role in TABS if who.may(role)
    ]


def field(data: Mapping[str, Any], name: str) -> str:
    """Return what is in a field of a form."""
    return str(data.get(name, "")).strip()[:2048]


def words(data: Mapping[str, Any], name: str) -> list[str]:
    """Return the words of a field, divided by commas or spaces."""
    return field(data, name).replace(",", " ").split()


def labels(data: Mapping[str, Any], name: str) -> dict[str, str]:
    """Return ``team=web, env=prod`` as labels. Raises UsageError."""
    found = {}
    for word in words(data, name):
        key, equals, value = word.partition("=")
        if not key or not equals:
            raise UsageError(f"{word[:60]!r} is no label", hint="such as team=web")
        found[key] = value
    return found


def seconds(data: Mapping[str, Any], name: str) -> float:
    """Return a duration such as ``15m``, 0 for nothing. Raises UsageError."""
    said = field(data, name)
    return float(parse_duration(said)) if said and said != "0" else 0.0


def shaped(values: Any, shape: type[T]) -> T:
    """Return *values* as a *shape*. Raises UsageError that says what does not fit."""
    try:
        return msgspec.convert(values, shape)
    except msgspec.ValidationError as error:
        raise UsageError(safe_text(str(error), 200)) from error
