"""The API of exports: any number of rows, a page of them in memory at a time."""

from collections.abc import AsyncGenerator, Sequence
from typing import Literal, Protocol

from aiohttp import web
from msgspec import Struct, field
from msgspec.structs import asdict, replace

from pangea.core.durations import Seconds
from pangea.core.errors import NotFound
from pangea.core.uptime import Span

from .api_incidents import (
    CauseKind,
    IncidentService,
    IncidentsQuery,
    Name,
    State,
    Words,
    incidents_of,
)
from .asked import moment_us, query_of
from .keys import SITE, who_is
from .pouring import pour
from .ranges import a_month, span_of
from .schema import ResultAnswer
from .schema_incidents import IncidentAnswer
from .schema_queries import HistoryRow

Format = Literal["jsonl", "csv"]
#: Incidents that are in memory at once.
PAGE = 500


class ExportResultsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Of ``job``; ``since`` and ``until``: a time, or a duration before now."""

    job: Name
    worker: Name | None = None
    since: str | None = None
    until: str | None = None
    format: Format = "jsonl"


class ExportHistoryQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of ``job`` over ``range`` back from now (30 days), or from since to until.

    ``step`` is the width of the sums: the narrowest that is kept for so long, if it
    is left out.
    """

    job: Name
    range: Seconds = field(default_factory=a_month)
    since: str | None = None
    until: str | None = None
    step: Literal["1m", "10m", "1h", "1d"] | None = None
    by: Literal["all", "worker", "region"] = "all"
    format: Format = "jsonl"


class ExportIncidentsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """As the list of incidents, without an end."""

    open: bool = False
    job: Name | None = None
    since: str | None = None
    until: str | None = None
    q: Words | None = None
    state: State | None = None
    cause: CauseKind | None = None
    format: Format = "jsonl"


class ExportService(Protocol):
    """What can be taken along; each yields pages of rows.

    What is wrong with the question is raised before the first page.
    """

    def results(
        self,
        org: int,
        job: str,
        *,
        worker: str | None,
        since_us: int | None,
        until_us: int | None,
    ) -> AsyncGenerator[Sequence[ResultAnswer], None]:
        """Yield the results of a job, newest first."""
        ...

    def history(
        self, org: int, job: str, span: Span, *, step_s: int | None, by: str
    ) -> AsyncGenerator[Sequence[HistoryRow], None]:
        """Yield the sums of a job, oldest first."""
        ...


EXPORTS: web.AppKey[ExportService] = web.AppKey("exports", ExportService)
_STEPS = {"1m": 60, "10m": 600, "1h": 3600, "1d": 86400}


async def export_results(request: web.Request) -> web.StreamResponse:
    """GET /api/v1/export/results"""
    asked, now = query_of(request, ExportResultsQuery), request.app[SITE].wall()
    pages = _service(request).results(
        who_is(request).org,
        asked.job,
        worker=asked.worker,
        since_us=moment_us(asked.since, now, "since"),
        until_us=moment_us(asked.until, now, "until"),
    )
    return await pour(
        request, pages, ResultAnswer, asked.format, f"{asked.job}-results"
    )


async def export_history(request: web.Request) -> web.StreamResponse:
    """GET /api/v1/export/history"""
    asked = query_of(request, ExportHistoryQuery)
    pages = _service(request).history(
        who_is(request).org,
        asked.job,
        span_of(asked, request.app[SITE].wall()),
        step_s=_STEPS.get(asked.step or ""),
        by=asked.by,
    )
    name = f"{asked.job}-history"
    return await pour(request, pages, HistoryRow, asked.format, name)


async def export_incidents(request: web.Request) -> web.StreamResponse:
    """GET /api/v1/export/incidents"""
    asked, now = query_of(request, ExportIncidentsQuery), request.app[SITE].wall()
    given = asdict(asked)
    del given["format"]
    pages = _incidents(
        incidents_of(request),
        who_is(request).org,
        IncidentsQuery(**given, limit=PAGE),
        moment_us(asked.since, now, "since"),
        moment_us(asked.until, now, "until"),
    )
    return await pour(request, pages, IncidentAnswer, asked.format, "incidents")


def _service(request: web.Request) -> ExportService:
    service = request.app.get(EXPORTS)
    if service is None:
        raise NotFound("this coordinator exports nothing")
    return service


async def _incidents(
    service: IncidentService,
    org: int,
    asked: IncidentsQuery,
    since_us: int | None,
    until_us: int | None,
) -> AsyncGenerator[Sequence[IncidentAnswer], None]:
    """Yield what the list of incidents has, page by page."""
    while True:
        page = await service.incidents(org, asked, since_us, until_us)
        yield page.items
        if page.next is None:
            return
        asked = replace(asked, cursor=page.next)
