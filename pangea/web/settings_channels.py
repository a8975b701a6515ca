"""Settings: the channels, a test of each, and what people were told over them."""

from typing import Any

from aiohttp import web
from msgspec import Struct
from multidict import MultiMapping

from pangea.core.errors import NotFound, UsageError
from pangea.core.text import safe_text

from .api_channels import CHANNELS, ChannelService
from .api_deliveries import DELIVERIES, DeliveriesQuery
from .channel_form import LINES, ChannelForm, form_of, read, without_gone
from .forms import FormError
from .keys import who_is
from .place import Visit
from .schema_alerts import DeliveryAnswer
from .schema_channels import (
    ChannelAnswer,
    ChannelPatch,
    ChannelSpec,
    ChannelTest,
)
from .settings_frame import field, mending, settings_page, shaped
from .text import t
from .words import Badge, When, ms, when

#: Deliveries in the log.
MOST_SENT = 40
PATH = "/settings/channels"
#: How a state of a delivery, or an outcome of a test, is shown.
STATES = {
    "sent": ("●", "up"),
    "waiting": ("…", "unknown"),
    "sending": ("…", "unknown"),
    "later": ("▲", "degraded"),
    "dead": ("✖", "down"),
    "refused": ("✖", "down"),
    "dropped": ("◌", "paused"),
}


class ChannelRow(Struct, frozen=True):
    """A channel in the list."""

    name: str
    type: str
    place: str
    enabled: bool
    per_minute: str
    used_by: str
    trouble: str


class Tested(Struct, frozen=True):
    """How a test went."""

    channel: str
    badge: Badge
    answer: str
    hint: str
    took: str


class SentRow(Struct, frozen=True):
    """A line of the log."""

    id: str
    at: When | None
    badge: Badge
    channel: str
    title: str
    step: str
    rule: str
    tries: int
    answer: str
    incident: str
    can_retry: bool


class ChannelsPart(Struct, frozen=True):
    """All of the page."""

    rows: list[ChannelRow]
    types: list[tuple[str, str]]
    form: ChannelForm | None
    tested: Tested | None
    sent: list[SentRow]


async def channels(request: web.Request) -> web.StreamResponse:
    """GET /settings/channels : all; with ``type`` or ``edit`` a form too."""
    return await _channels(request)


async def _channels(
    request: web.Request,
    refused: FormError | None = None,
    tested: ChannelTest | None = None,
) -> web.Response:
    visit, service = Visit(request, refused), _service(request)
    org, now = visit.who.org, await visit.now()
    found = await service.channels(org)
    types = service.types()
    part = ChannelsPart(
        rows=[_row(one) for one in found],
        types=[(one.name, safe_text(one.does, 100)) for one in types],
        form=form_of(request, visit, types, found),
        tested=_tested(tested) if tested else None,
        sent=[_sent(one, now) for one in await _deliveries(request, org)],
    )
    return await settings_page(visit, "channels", part, still=tested is not None)


async def _deliveries(request: web.Request, org: int) -> list[DeliveryAnswer]:
    service = request.app.get(DELIVERIES)
    if service is None:
        return []
    page = await service.deliveries(org, DeliveriesQuery(limit=MOST_SENT))
    found: list[DeliveryAnswer] = page.items
    return found


def _row(one: ChannelAnswer) -> ChannelRow:
    return ChannelRow(
        name=one.name,
        type=one.type,
        place=safe_text(one.place, 200),
        enabled=one.enabled,
        per_minute=str(one.per_minute or "–"),
        used_by=_users(one),
        trouble=safe_text(one.trouble, 300),
    )


def _users(one: ChannelAnswer) -> str:
    """Return the rules that tell a channel, by its name or because they tell all."""
    by_all = ", ".join(one.used_as_all)
    names = [*one.used_by, *[t("settings.used_as_all", rules=by_all)] * bool(by_all)]
    return safe_text(", ".join(names), 300)


def _tested(test: ChannelTest) -> Tested:
    return Tested(
        safe_text(test.channel, 63),
        _state(test.outcome),
        safe_text(test.answer, 500),
        safe_text(test.hint, 300),
        ms(test.took_ms),
    )


def _state(state: str) -> Badge:
    glyph, css = STATES.get(state, ("?", "unknown"))
    return Badge(glyph, t(f"settings.sent_{state}") if state in STATES else state, css)


def _sent(one: DeliveryAnswer, now: str) -> SentRow:
    return SentRow(
        id=one.id,
        at=when(one.at, now),
        badge=_state(one.state),
        channel=safe_text(one.channel, 63),
        title=safe_text(one.title, 200),
        step=safe_text(one.step, 60),
        rule=safe_text(one.rule, 63),
        tries=one.tries,
        answer=safe_text(one.answer, 300),
        incident=one.incident or "",
        can_retry=one.state == "dead",
    )


async def save_channel(request: web.Request) -> web.StreamResponse:
    """POST /settings/channels : add one, or change the one called ``old``."""
    data, org = await request.post(), who_is(request).org
    try:
        with mending(data):
            await _save(_service(request), org, data)
    except FormError as error:
        return await _channels(request, error)
    raise web.HTTPSeeOther(PATH)


async def _save(service: ChannelService, org: int, data: MultiMapping[Any]) -> None:
    old, wanted = field(data, "old"), field(data, "type")
    kind = next((one for one in service.types() if one.name == wanted), None)
    if kind is None:
        raise UsageError("there is no such type of channel")
    many = field(data, "per_minute") or "0"
    if not many.isdecimal():
        raise UsageError(f"{many[:20]!r} is no number of messages a minute")
    given = {one.name: _typed(data, one.name) for one in kind.options}
    values: dict[str, Any] = {"name": field(data, "name"), "per_minute": int(many)}
    if old:
        # A secret that is left empty stays; what else is empty goes.
        secret = {one.name for one in kind.options if one.secret}
        kept = {k: v or None for k, v in given.items() if v or k not in secret}
        if "headers" in given:
            found = (c for c in await service.channels(org) if c.name == old)
            before = [c.options.get("headers") for c in found]
            kept["headers"] = without_gone(given["headers"], *before) or None
        patch = shaped(values | {"options": kept}, ChannelPatch)
        await service.edit(org, old, patch)
    else:
        options = {name: text for name, text in given.items() if text}
        spec = shaped(values | {"type": wanted, "options": options}, ChannelSpec)
        await service.add(org, spec)


def _typed(data: MultiMapping[Any], name: str) -> Any:
    """Return what was typed for an option. Raises UsageError."""
    if name in LINES:
        return read(name, str(data.get(f"opt.{name}", "")))
    return field(data, f"opt.{name}")


async def channel_on(request: web.Request) -> web.StreamResponse:
    """POST /settings/channels/{name}/on : send over it, or with ``on=no`` not."""
    data, org = await request.post(), who_is(request).org
    name, on = request.match_info["name"], field(data, "on") != "no"
    await _service(request).edit(org, name, ChannelPatch(enabled=on))
    raise web.HTTPSeeOther(PATH)


async def channel_remove(request: web.Request) -> web.StreamResponse:
    """POST /settings/channels/{name}/remove : take one away that no rule uses."""
    data, org = await request.post(), who_is(request).org
    try:
        with mending(data):
            await _service(request).remove(org, request.match_info["name"])
    except FormError as error:
        return await _channels(request, error)
    raise web.HTTPSeeOther(PATH)


async def channel_test(request: web.Request) -> web.StreamResponse:
    """POST /settings/channels/{name}/test : send a test, and tell how it went."""
    data, who = await request.post(), who_is(request)
    try:
        with mending(data):
            name = request.match_info["name"]
            told = await _service(request).test(who.org, name, who.name)
    except FormError as error:
        return await _channels(request, error)
    return await _channels(request, tested=told)


async def retry(request: web.Request) -> web.StreamResponse:
    """POST /settings/deliveries/{id}/retry : try once more what did not arrive."""
    data, org = await request.post(), who_is(request).org
    service = request.app.get(DELIVERIES)
    if service is None:
        raise NotFound("this coordinator delivers nothing")
    try:
        with mending(data):
            await service.retry(org, request.match_info["id"])
    except FormError as error:
        return await _channels(request, error)
    raise web.HTTPSeeOther(f"{PATH}#sent")


def _service(request: web.Request) -> ChannelService:
    service = request.app.get(CHANNELS)
    if service is None:
        raise NotFound("this coordinator has no channels")
    return service
