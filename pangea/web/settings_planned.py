"""Settings: the calendar of maintenance."""

from typing import Any

from aiohttp import web
from msgspec import Struct
from multidict import MultiMapping

from pangea.core.errors import NotFound
from pangea.core.text import safe_text

from .api_maintenance import (
    MAINTENANCE,
    MaintenanceAnswer,
    MaintenanceService,
    MaintenanceSpec,
)
from .forms import FormError
from .keys import who_is
from .place import Visit
from .settings_frame import (
    field,
    labels,
    mending,
    seconds,
    settings_page,
    shaped,
    words,
)
from .text import t
from .words import Badge, When, when

MOST = 100
PATH = "/settings/maintenance"
STATES = {"active": ("◇", "degraded"), "planned": ("○", "unknown")}
FIELDS = (
    "jobs",
    "labels",
    "workers",
    "from",
    "until",
    "for",
    "weekly",
    "cron",
    "zone",
    "reason",
)


class PlanRow(Struct, frozen=True):
    """A maintenance in the list."""

    id: int
    badge: Badge
    what: str
    covers: int
    schedule: str
    start: When | None
    end: When | None
    reason: str
    by: str
    can_end: bool


class PlannedPart(Struct, frozen=True):
    """All of the page; ``typed`` is what is in the form."""

    rows: list[PlanRow]
    over: list[PlanRow]
    typed: dict[str, str]


async def maintenance(request: web.Request) -> web.StreamResponse:
    """GET /settings/maintenance : what is planned, what goes on, what is over."""
    return await _page(request)


async def _page(request: web.Request, refused: FormError | None = None) -> web.Response:
    visit = Visit(request, refused)
    found = await _service(request).plans(visit.who.org, MOST)
    now = await visit.now()
    rows = [_row(one, now) for one in found.items]
    typed = {name: visit.typed(name) for name in FIELDS}
    typed["zone"] = typed["zone"] or "UTC"
    part = PlannedPart(
        rows=[row for row in rows if row.can_end],
        over=[row for row in rows if not row.can_end],
        typed=typed,
    )
    return await settings_page(visit, "maintenance", part)


def _row(one: MaintenanceAnswer, now: str) -> PlanRow:
    glyph, css = STATES.get(one.state, ("◌", "paused"))
    what = [*one.jobs, *(f"{k}={v}" for k, v in one.labels.items())]
    what += [t("settings.on_worker", worker=name) for name in one.workers]
    zone = "" if one.zone == "UTC" else f" {one.zone}"
    return PlanRow(
        id=one.id,
        badge=Badge(glyph, t(f"settings.plan_{one.state}"), css),
        what=safe_text(", ".join(what), 500),
        covers=one.covers,
        schedule=safe_text(f"{one.schedule}{zone}", 200),
        start=when(one.start, now),
        end=when(one.until, now),
        reason=safe_text(one.reason, 500),
        by=safe_text(one.by, 63),
        can_end=one.state != "over",
    )


async def plan(request: web.Request) -> web.StreamResponse:
    """POST /settings/maintenance : plan one."""
    data, who = await request.post(), who_is(request)
    try:
        with mending(data):
            await _service(request).add(who.org, who.name, planned(data))
    except FormError as error:
        return await _page(request, error)
    raise web.HTTPSeeOther(PATH)


def planned(data: MultiMapping[Any]) -> MaintenanceSpec:
    """Return what the form says. Raises UsageError."""
    values: dict[str, Any] = {
        "jobs": words(data, "jobs"),
        "labels": labels(data, "labels"),
        "workers": words(data, "workers"),
        "zone": field(data, "zone") or "UTC",
        "reason": field(data, "reason"),
    }
    for name in ("from", "until", "weekly", "cron"):
        values[name] = field(data, name) or None
    values["duration_s"] = seconds(data, "for") or None
    return shaped(values, MaintenanceSpec)


async def end(request: web.Request) -> web.StreamResponse:
    """POST /settings/maintenance/{id}/end : end one now, and for good."""
    data, org, id_ = await request.post(), who_is(request).org, request.match_info["id"]
    if not (id_.isascii() and id_.isdigit() and len(id_) < 16):
        raise NotFound("there is no such maintenance")
    try:
        with mending(data):
            await _service(request).end(org, int(id_))
    except FormError as error:
        return await _page(request, error)
    raise web.HTTPSeeOther(PATH)


def _service(request: web.Request) -> MaintenanceService:
    service = request.app.get(MAINTENANCE)
    if service is None:
        raise NotFound("this coordinator plans no maintenance")
    return service
