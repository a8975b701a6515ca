"""How much room the database takes, and whether the disk has what it will take."""

from functools import partial
from pathlib import Path

from pangea.core.retention_table import RetentionTable
from pangea.storage.database import Store
from pangea.storage.forecast import forecast
from pangea.storage.room import room
from pangea.web.schema_storage import StorageStatus


class DiskRoom:
    """Remembers what was found when it last looked; ``told`` is None before."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.told: StorageStatus | None = None

    async def look(self, kept: RetentionTable) -> None:
        """Look how much room is taken, and will be if so much is *kept*."""
        self.told = await self._store.read(partial(_status, self._store.path, kept))

    def trouble(self) -> list[str]:
        """Return a sentence if the disk will not do."""
        told = self.told
        free = None if told is None else told.free_bytes
        if told is None or free is None or told.forecast_bytes - told.bytes <= free:
            return []
        days = free / max(told.bytes_per_day, 1)
        return [
            f"the disk will be full in about {days:.0f} days: the database will take "
            f"{told.forecast_bytes / 1e9:.1f} GB, and {free / 1e9:.1f} GB "
            "are free; make room, or keep less ([retention])"
        ]


def _status(path: Path | None, kept: RetentionTable) -> StorageStatus:
    taken = room(path)
    will = forecast(kept, taken.file)
    return StorageStatus(
        bytes=taken.file,
        bytes_per_day=will.bytes_per_day,
        forecast_bytes=will.forecast_bytes,
        free_bytes=taken.disk_free,
        shrinks=taken.shrinks,
    )
