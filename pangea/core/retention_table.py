"""``[retention]`` of the configuration: how long history is kept."""

import math

from msgspec import Struct

from .durations import Seconds, parse_duration
from .errors import UsageError

#: Given for ``days``.
FOREVER = "forever"


class RetentionTable(Struct, frozen=True, kw_only=True):
    """``[retention]``: how long a coordinator keeps results and their sums.

    ``raw`` are the results; ``minutes`` (of jobs more often than every 20 s),
    ``ten_minutes``, ``hours`` and ``days`` the sums over as long; ``days`` may be
    ``forever``. What is coarser is kept at least as long as what is finer.
    """

    raw: Seconds = Seconds(7 * 86400)
    minutes: Seconds = Seconds(30 * 86400)
    ten_minutes: Seconds = Seconds(90 * 86400)
    hours: Seconds = Seconds(2 * 365 * 86400)
    days: str = FOREVER

    def __post_init__(self) -> None:
        if self.raw < 3 * 3600:
            raise ValueError("raw: wanted at least 3h: an hour is sealed as a whole")
        if self.minutes < 3600:
            raise ValueError("minutes: wanted at least 1h")
        kept = ("ten_minutes", self.ten_minutes), ("hours", self.hours)
        for finer, coarser in (
            (("raw", self.raw), kept[0]),
            (("minutes", self.minutes), kept[0]),
            kept,
            (kept[1], ("days", self.days_s)),
        ):
            if coarser[1] < finer[1]:
                raise ValueError(f"{coarser[0]}: wanted at least as long as {finer[0]}")

    @property
    def days_s(self) -> float:
        """How long sums of days are kept, in seconds; infinite if for ever."""
        if self.days == FOREVER:
            return math.inf
        try:
            return parse_duration(self.days)
        except UsageError:
            raise ValueError(
                f"days: {self.days!r} is neither a duration nor {FOREVER}"
            ) from None
