"""The routes of scheduled backups."""

from .api import Paging
from .api_backups import backups, begin_backup
from .route import Route
from .schema_backups import BackupAnswer, BackupBegun

_ALL = "/api/v1/backups"

BACKUP_ROUTES: list[Route] = [
    Route(
        method="GET",
        path=_ALL,
        handler=backups,
        summary="The scheduled backups that are kept, oldest first",
        query=Paging,
        answer=list[BackupAnswer],
        auth="admin",
    ),
    Route(
        method="POST",
        path=_ALL,
        handler=begin_backup,
        summary="Make a scheduled backup now; 409 while one is being made",
        answer=BackupBegun,
        auth="admin",
        status=202,
    ),
]
