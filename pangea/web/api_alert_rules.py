"""The API of alert rules: who is told of what."""

from typing import Protocol

from aiohttp import web
from msgspec import Struct

from pangea.core.errors import NotFound

from .api import reply
from .asked import body_of, query_of
from .keys import who_is
from .schema import Page
from .schema_alerts import Kind, RuleAnswer, RulePatch, RuleSpec


class WouldQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Of what kind the alert would be."""

    kind: Kind = "down"


class RuleService(Protocol):
    """Alert rules as the web sees them; raises the errors of ``core.errors``."""

    async def rules(self, org: int) -> Page:
        """Return all rules, the oldest first."""
        ...

    async def rule(self, org: int, name: str) -> RuleAnswer:
        """Return one rule."""
        ...

    async def add(self, org: int, spec: RuleSpec) -> RuleAnswer:
        """Add a rule; it looks at what is wrong already."""
        ...

    async def edit(self, org: int, name: str, patch: RulePatch) -> RuleAnswer:
        """Change a rule; what it has told stays told."""
        ...

    async def remove(self, org: int, name: str) -> None:
        """Remove a rule."""
        ...

    async def would_tell(self, org: int, job: str, kind: str) -> Page:
        """Return what each rule would do if *job* had such an alert now."""
        ...


RULES: web.AppKey[RuleService] = web.AppKey("rules", RuleService)


async def rules(request: web.Request) -> web.Response:
    """GET /api/v1/rules"""
    return reply(await _service(request).rules(who_is(request).org))


async def rule(request: web.Request) -> web.Response:
    """GET /api/v1/rules/{name}"""
    org, name = who_is(request).org, request.match_info["name"]
    return reply(await _service(request).rule(org, name))


async def add_rule(request: web.Request) -> web.Response:
    """POST /api/v1/rules"""
    org, spec = who_is(request).org, body_of(request, RuleSpec)
    return reply(await _service(request).add(org, spec), 201)


async def edit_rule(request: web.Request) -> web.Response:
    """PATCH /api/v1/rules/{name}"""
    org, name = who_is(request).org, request.match_info["name"]
    patch = body_of(request, RulePatch)
    return reply(await _service(request).edit(org, name, patch))


async def remove_rule(request: web.Request) -> web.Response:
    """DELETE /api/v1/rules/{name}"""
    org, name = who_is(request).org, request.match_info["name"]
    await _service(request).remove(org, name)
    return web.Response(status=204)


async def would_tell(request: web.Request) -> web.Response:
    """GET /api/v1/jobs/{name}/alerts"""
    org, name = who_is(request).org, request.match_info["name"]
    kind = query_of(request, WouldQuery).kind
    return reply(await _service(request).would_tell(org, name, kind))


def _service(request: web.Request) -> RuleService:
    service = request.app.get(RULES)
    if service is None:
        raise NotFound("this coordinator has no alert rules")
    return service
