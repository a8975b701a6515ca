"""Heartbeat: has something else reported in by push, in time?

No worker asks anything: the coordinator listens at ``POST /api/v1/push/TOKEN`` and
says ``failed`` when the grace after the expected moment has passed.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

from msgspec import Struct

from pangea.core.durations import Seconds
from pangea.core.errors import UsageError
from pangea.core.failure import ProbeError

from .base import Trace, register
from .tools import Tools

TYPE = "heartbeat"


class HeartbeatOptions(Struct, frozen=True, kw_only=True):
    """How long to wait beyond the expected moment, and what that moment is.

    ``grace`` is 20 % of the interval, at least 30 s, if it is not given. With
    ``cron`` (five fields) in ``timezone`` reports are expected at those moments,
    else every interval after the last one.
    """

    grace: Seconds | None = None
    cron: str | None = None
    timezone: str = "UTC"


@register
@dataclass(frozen=True, slots=True)
class HeartbeatProbe:
    """What reports in; ``target`` is only a name for people."""

    Options: ClassVar[type[Struct]] = HeartbeatOptions
    type: ClassVar[str] = TYPE
    default_interval_s: ClassVar[float] = 3600.0

    target: str
    options: HeartbeatOptions

    @classmethod
    def parse(cls, target: str, options: HeartbeatOptions) -> Self:
        """Return the probe; UsageError for an empty name."""
        if not target.strip() or not target.isprintable() or len(target) > 200:
            raise UsageError(
                f"{target[:40]!r} is no name for what reports in",
                hint="use up to 200 printable characters, such as nightly-backup",
            )
        return cls(target.strip(), options)

    async def run(self, trace: Trace, tools: Tools) -> None:
        """Nobody can ask: what is watched reports by itself."""
        said = (
            "a heartbeat is told, not asked: pangea job add heartbeat NAME waits for it"
        )
        raise ProbeError("unsupported", said)
