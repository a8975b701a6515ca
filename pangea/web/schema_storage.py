"""What the API answers about the room that the database takes."""

from msgspec import Struct


class StorageStatus(Struct, frozen=True, kw_only=True):
    """``bytes`` of the database now, ``forecast_bytes`` once the oldest results go.

    ``bytes_per_day`` come now; ``free_bytes`` are free on the disk, null where that is
    a server's. ``shrinks``: what is forgotten is given back to the disk.
    """

    bytes: int
    bytes_per_day: int
    forecast_bytes: int
    free_bytes: int | None
    shrinks: bool
