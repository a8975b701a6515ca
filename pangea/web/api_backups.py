"""The API of scheduled backups: which there are, and one more now."""

from typing import Protocol

from aiohttp import web

from pangea.core.errors import NotFound

from .api import Paging, page_of, reply
from .asked import query_of
from .schema_backups import BackupAnswer, BackupBegun


class BackupsService(Protocol):
    """Scheduled backups as the web sees them."""

    async def backups(self) -> list[BackupAnswer]:
        """Return the backups that are kept; StorageError if they cannot be seen."""
        ...

    def begin(self) -> BackupBegun:
        """Begin one now; Conflict while one is being made."""
        ...


BACKUPS: web.AppKey[BackupsService] = web.AppKey("backups", BackupsService)


async def backups(request: web.Request) -> web.Response:
    """GET /api/v1/backups"""
    found = await _service(request).backups()
    return reply(page_of(found, query_of(request, Paging)))


async def begin_backup(request: web.Request) -> web.Response:
    """POST /api/v1/backups"""
    return reply(_service(request).begin(), 202)


def _service(request: web.Request) -> BackupsService:
    service = request.app.get(BACKUPS)
    if service is None:
        raise NotFound(
            "no backups are scheduled here",
            hint="set dir and key_file under [backup] in the configuration",
        )
    return service
