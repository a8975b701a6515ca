"""A channel: a configured way to reach people."""

from typing import Any

from msgspec import Struct

from .errors import UsageError

#: So many messages a minute a channel carries at most, if nobody says otherwise.
PER_MINUTE = 30


class Channel(Struct, frozen=True, kw_only=True):
    """A way to reach people; ``options`` are those of its ``type``, secrets open.

    It carries at most ``per_minute`` messages a minute (0: as many as there are).
    """

    id: int
    org: int
    name: str
    type: str
    options: dict[str, Any]
    enabled: bool = True
    per_minute: int = PER_MINUTE
    created_us: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.per_minute <= 10_000:
            raise UsageError("per_minute: wanted 0 (no limit) to 10000")
