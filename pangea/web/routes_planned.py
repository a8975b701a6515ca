"""The routes of what people plan."""

from .api import Paging
from .api_dependencies import DependencyBody, ProposalAnswer, accept, proposed
from .api_drill import DrillAnswer, DrillBody, begin_drill, drill, end_drill
from .api_maintenance import (
    MaintenanceAnswer,
    MaintenanceSpec,
    add_maintenance,
    end_maintenance,
    maintenances,
    remove_maintenance,
)
from .route import Route
from .schema import JobAnswer

_ALL = "/api/v1/maintenance"
_DRILL = "/api/v1/jobs/{name}/drill"

PLANNED_ROUTES: list[Route] = [
    Route(
        method="GET",
        path=_ALL,
        handler=maintenances,
        summary="Planned work, the newest first: of what, and when",
        query=Paging,
        answer=list[MaintenanceAnswer],
    ),
    Route(
        method="POST",
        path=_ALL,
        handler=add_maintenance,
        summary="Plan work on jobs or workers: once, weekly or by cron",
        body=MaintenanceSpec,
        answer=MaintenanceAnswer,
        auth="operator",
        status=201,
    ),
    Route(
        method="POST",
        path=f"{_ALL}/{{id}}/end",
        handler=end_maintenance,
        summary="End a maintenance now and for good",
        answer=MaintenanceAnswer,
        auth="operator",
    ),
    Route(
        method="DELETE",
        path=f"{_ALL}/{{id}}",
        handler=remove_maintenance,
        summary="End a maintenance and forget it; the time it took stays out of uptime",
        auth="operator",
        status=204,
    ),
    Route(
        method="POST",
        path=_DRILL,
        handler=begin_drill,
        summary="Let a job that is up fail on purpose, and time each stage",
        body=DrillBody,
        answer=DrillAnswer,
        auth="operator",
        status=201,
    ),
    Route(
        method="GET",
        path=_DRILL,
        handler=drill,
        summary="The drill of a job that goes on, else its last one",
        answer=DrillAnswer,
    ),
    Route(
        method="DELETE",
        path=_DRILL,
        handler=end_drill,
        summary="End a drill: workers tell again how the job is",
        answer=DrillAnswer,
        auth="operator",
    ),
    Route(
        method="GET",
        path="/api/v1/dependencies/proposed",
        handler=proposed,
        summary="Which job may depend on which, as the newest traceroutes say",
        query=Paging,
        answer=list[ProposalAnswer],
    ),
    Route(
        method="POST",
        path="/api/v1/dependencies",
        handler=accept,
        summary="Let a job depend on another, beside those it depends on already",
        body=DependencyBody,
        answer=JobAnswer,
        auth="admin",
    ),
]
