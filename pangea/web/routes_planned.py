"""The routes of what people plan."""

from .api import Paging
from .api_maintenance import (
    MaintenanceAnswer,
    MaintenanceSpec,
    add_maintenance,
    end_maintenance,
    maintenances,
    remove_maintenance,
)
from .route import Route

_ALL = "/api/v1/maintenance"

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
]
