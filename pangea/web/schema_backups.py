"""What the API answers about scheduled backups."""

from msgspec import Struct


class BackupAnswer(Struct, frozen=True, kw_only=True):
    """One backup that was read back; ``made_at`` is the moment that it is of."""

    name: str
    made_at: str
    bytes: int


class BackupBegun(Struct, frozen=True, kw_only=True):
    """A backup is being made under this ``name``."""

    name: str


class BackupsStatus(Struct, frozen=True, kw_only=True):
    """How scheduled backups are; ``last_at`` is null before the first."""

    every_s: float
    kept: int
    running: bool
    last_at: str | None
    last_bytes: int | None
    next_at: str | None
