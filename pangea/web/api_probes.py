"""The API of probes that are asked for once: one line for each answer, as it comes."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated, Any, Literal, Protocol

import msgspec
from aiohttp import web
from msgspec import Meta, Struct, field

from pangea.core.errors import NotFound

from .asked import body_of
from .keys import who_is

#: One JSON object a line (https://github.com/ndjson/ndjson-spec).
LINES = "application/x-ndjson"
#: Who takes no line for so long, in seconds, is let go.
STALL_S = 30.0

_Name = Annotated[str, Meta(max_length=200)]


class ProbeSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question, asked once ``from`` these workers; ``all`` are those connected.

    ``timeout_s`` is at most 60; left out it is 10, or as long as the probe needs.
    """

    type: Annotated[str, Meta(max_length=63)]
    target: Annotated[str, Meta(max_length=2048)]
    options: dict[str, Any] = field(default_factory=dict)
    timeout_s: Annotated[float, Meta(gt=0, le=60)] | None = None
    expect: Literal["ok", "fail"] = "ok"
    workers: Literal["all"] | Annotated[list[_Name], Meta(min_length=1)] = field(
        name="from", default="all"
    )


class ProbeLine(Struct, frozen=True, kw_only=True):
    """What one worker answers; ``refused`` says why it could not be asked.

    Then the outcome is ``error``: it could not tell.
    """

    worker: str
    outcome: str
    started_at: str | None = None
    duration_ms: float | None = None
    reason: str = ""
    detail: str = ""
    phases: dict[str, float] = {}
    readings: dict[str, Any] = {}
    flags: list[str] = []
    refused: str = ""


class ProbesService(Protocol):
    """Who asks the workers."""

    def ask(
        self, org: int, spec: ProbeSpec, *, limited: bool
    ) -> AsyncGenerator[ProbeLine, None]:
        """Return the answers as they come; *limited* ones change and read nothing.

        Raises UsageError, NotAllowed, NotFound, Conflict and TooMany before any.
        """
        ...


PROBES: web.AppKey[ProbesService] = web.AppKey("probes", ProbesService)


async def ask(request: web.Request) -> web.StreamResponse:
    """POST /api/v1/probes"""
    service = request.app.get(PROBES)
    if service is None:
        raise NotFound("this coordinator asks no workers")
    spec, who = body_of(request, ProbeSpec), who_is(request)
    answers = service.ask(who.org, spec, limited=not who.is_admin)
    response = web.StreamResponse(headers={"Content-Type": LINES})
    await response.prepare(request)
    with suppress(ConnectionError, TimeoutError):
        async with aclosing(answers) as lines:
            async for line in lines:
                async with asyncio.timeout(STALL_S):
                    await response.write(msgspec.json.encode(line) + b"\n")
    return response
