"""Settings: the alert rules, who is told of what."""

from typing import Any, get_args

from aiohttp import web
from msgspec import Struct
from msgspec.structs import asdict
from multidict import MultiMapping

from pangea.core.durations import format_duration
from pangea.core.errors import NotFound
from pangea.core.escalation import parse_escalations, write_escalations
from pangea.core.text import safe_text

from .api_alert_rules import RULES, RuleService
from .api_channels import CHANNELS
from .forms import FormError
from .keys import who_is
from .place import Visit
from .schema_alerts import Kind, RuleAnswer, RulePatch, RuleSpec, Severity
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

PATH = "/settings/rules"
KINDS: tuple[str, ...] = get_args(Kind)
SEVERITIES: tuple[str, ...] = get_args(Severity)


class RuleRow(Struct, frozen=True):
    """A rule in the list: when it speaks, whom it tells, in words."""

    name: str
    enabled: bool
    when: str
    tells: str
    then: str


class RuleForm(Struct, frozen=True):
    """The form: of a new rule, or of the one called ``old``."""

    old: str
    text: dict[str, str]
    kinds: list[tuple[str, bool]]
    severities: list[tuple[str, bool]]
    channels: list[tuple[str, bool]]
    recovered: bool


class RulesPart(Struct, frozen=True):
    """All of the page."""

    rows: list[RuleRow]
    form: RuleForm


async def rules(request: web.Request) -> web.StreamResponse:
    """GET /settings/rules : all rules, and a form; with ``edit`` that of one."""
    return await _page(request)


async def _page(request: web.Request, refused: FormError | None = None) -> web.Response:
    visit = Visit(request, refused)
    found = (await _service(request).rules(visit.who.org)).items
    channels = request.app.get(CHANNELS)
    known = await channels.channels(visit.who.org) if channels else []
    old = visit.typed("old", request.query.get("edit", ""))
    mine = next((one for one in found if one.name == old), None)
    part = RulesPart(
        rows=[_row(one) for one in found],
        form=_form(visit, mine, [one.name for one in known]),
    )
    return await settings_page(visit, "rules", part)


def _row(one: RuleAnswer) -> RuleRow:
    about = [", ".join(one.kinds) or t("settings.all_kinds")]
    about.append(t("settings.from_severity", severity=one.severity))
    about += [", ".join(many) for many in (one.jobs, one.regions) if many]
    about += [f"{k}={v}" for k, v in one.labels.items()]
    if one.hours:
        about.append(f"{one.hours} {one.zone}")
    if one.older_s:
        about.append(t("settings.older_than", time=format_duration(one.older_s)))
    then = [
        t("settings.later", time=format_duration(e.after_s), who=", ".join(e.channels))
        for e in one.escalations
    ]
    if one.remind_s:
        then.append(t("settings.reminds", time=format_duration(one.remind_s)))
    if one.recovered:
        then.append(t("settings.tells_recovered"))
    return RuleRow(
        name=one.name,
        enabled=one.enabled,
        when=safe_text("; ".join(about), 500),
        tells=safe_text(", ".join(one.channels) or t("settings.all_channels"), 300),
        then=safe_text("; ".join(then), 500),
    )


def _form(visit: Visit, mine: RuleAnswer | None, channels: list[str]) -> RuleForm:
    wrong = visit.refused
    kept = _texts(mine) if mine else {"zone": "UTC", "remind": "0", "older": "0"}
    chosen = set(mine.channels) if mine else set()
    kinds = set(mine.kinds) if mine else set()
    severity = visit.typed("severity", mine.severity if mine else "warning")
    if wrong:
        kinds = {kind for kind in KINDS if wrong.typed.get(f"kind.{kind}")}
        chosen = {name for name in channels if wrong.typed.get(f"to.{name}")}
    names = ("name", "jobs", "labels", "regions", "hours", "zone", "older")
    recovered = bool(wrong.typed.get("recovered")) if wrong else True
    return RuleForm(
        old=mine.name if mine else "",
        text={
            name: safe_text(visit.typed(name, kept.get(name, "")), 500)
            for name in (*names, "remind", "escalate")
        },
        kinds=[(kind, kind in kinds) for kind in KINDS],
        severities=[(name, name == severity) for name in SEVERITIES],
        channels=[(name, name in chosen) for name in channels],
        recovered=mine.recovered if mine and not wrong else recovered,
    )


def _texts(one: RuleAnswer) -> dict[str, str]:
    """Return a rule as it is written in the form."""
    steps = ((e.after_s, e.channels) for e in one.escalations)
    return {
        "name": one.name,
        "jobs": ", ".join(one.jobs),
        "labels": ", ".join(f"{k}={v}" for k, v in one.labels.items()),
        "regions": ", ".join(one.regions),
        "hours": one.hours,
        "zone": one.zone,
        "older": _time(one.older_s),
        "remind": _time(one.remind_s),
        "escalate": write_escalations(steps),
    }


def _time(seconds_: float) -> str:
    return format_duration(seconds_) if seconds_ else "0"


async def save_rule(request: web.Request) -> web.StreamResponse:
    """POST /settings/rules : add one, or change the one called ``old``."""
    data, org = await request.post(), who_is(request).org
    try:
        with mending(data):
            spec, old = rule_spec(data), field(data, "old")
            if old:
                # Whether it is on has a button of its own; the factor no field.
                hidden = ("enabled", "factor")
                told = {k: v for k, v in asdict(spec).items() if k not in hidden}
                await _service(request).edit(org, old, RulePatch(**told))
            else:
                await _service(request).add(org, spec)
    except FormError as error:
        return await _page(request, error)
    raise web.HTTPSeeOther(PATH)


def rule_spec(data: MultiMapping[Any]) -> RuleSpec:
    """Return what the form says. Raises UsageError."""
    return shaped(
        {
            "name": field(data, "name"),
            "kinds": [kind for kind in KINDS if data.get(f"kind.{kind}")],
            "severity": field(data, "severity") or "info",
            "jobs": words(data, "jobs"),
            "labels": labels(data, "labels"),
            "regions": words(data, "regions"),
            "hours": field(data, "hours"),
            "zone": field(data, "zone") or "UTC",
            "older_s": seconds(data, "older"),
            "channels": [key[3:] for key in data if key.startswith("to.")],
            "escalations": [
                {"after_s": after_s, "channels": channels}
                for after_s, channels in parse_escalations(field(data, "escalate"))
            ],
            "remind_s": seconds(data, "remind"),
            "recovered": bool(data.get("recovered")),
        },
        RuleSpec,
    )


async def rule_on(request: web.Request) -> web.StreamResponse:
    """POST /settings/rules/{name}/on : let it speak, or with ``on=no`` not."""
    data, org = await request.post(), who_is(request).org
    patch = RulePatch(enabled=field(data, "on") != "no")
    await _service(request).edit(org, request.match_info["name"], patch)
    raise web.HTTPSeeOther(PATH)


async def rule_remove(request: web.Request) -> web.StreamResponse:
    """POST /settings/rules/{name}/remove : take it away."""
    data, org = await request.post(), who_is(request).org
    try:
        with mending(data):
            await _service(request).remove(org, request.match_info["name"])
    except FormError as error:
        return await _page(request, error)
    raise web.HTTPSeeOther(PATH)


def _service(request: web.Request) -> RuleService:
    service = request.app.get(RULES)
    if service is None:
        raise NotFound("this coordinator has no alert rules")
    return service
