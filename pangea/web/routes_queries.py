"""The routes of questions about history."""

from .api_export import (
    ExportHistoryQuery,
    ExportIncidentsQuery,
    ExportResultsQuery,
    export_history,
    export_incidents,
    export_results,
)
from .api_probes import LINES
from .api_queries import (
    CalendarQuery,
    PercentilesQuery,
    TopQuery,
    calendar,
    compare,
    percentiles,
    top,
)
from .route import Route
from .schema import ResultAnswer
from .schema_incidents import IncidentAnswer
from .schema_queries import (
    CalendarAnswer,
    CompareAnswer,
    HistoryRow,
    PercentilesAnswer,
    TopAnswer,
)
from .sides import CompareQuery

_JOB = "/api/v1/jobs/{name}"
_EXPORT = "/api/v1/export"

QUERY_ROUTES: list[Route] = [
    Route(
        method="GET",
        path=f"{_JOB}/percentiles",
        handler=percentiles,
        summary="Counts and percentiles over any stretch, by worker or region",
        query=PercentilesQuery,
        answer=PercentilesAnswer,
    ),
    Route(
        method="GET",
        path=f"{_JOB}/compare",
        handler=compare,
        summary="What differs between two stretches, or two workers or regions",
        query=CompareQuery,
        answer=CompareAnswer,
    ),
    Route(
        method="GET",
        path=f"{_JOB}/calendar",
        handler=calendar,
        summary="What it was on each of the last days, in minutes",
        query=CalendarQuery,
        answer=CalendarAnswer,
    ),
    Route(
        method="GET",
        path="/api/v1/top",
        handler=top,
        summary="The jobs that are slowest, lose most or flap most",
        query=TopQuery,
        answer=TopAnswer,
    ),
    Route(
        method="GET",
        path=f"{_EXPORT}/results",
        handler=export_results,
        summary="All results of a job over a stretch, as lines of JSON or as CSV",
        query=ExportResultsQuery,
        answer=ResultAnswer,
        media=LINES,
        streams=True,
    ),
    Route(
        method="GET",
        path=f"{_EXPORT}/history",
        handler=export_history,
        summary="The sums of a job over a stretch, as lines of JSON or as CSV",
        query=ExportHistoryQuery,
        answer=HistoryRow,
        media=LINES,
        streams=True,
    ),
    Route(
        method="GET",
        path=f"{_EXPORT}/incidents",
        handler=export_incidents,
        summary="All incidents, newest first, as lines of JSON or as CSV",
        query=ExportIncidentsQuery,
        answer=IncidentAnswer,
        media=LINES,
        streams=True,
    ),
]
