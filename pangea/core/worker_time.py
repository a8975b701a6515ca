"""When a worker's result was made, on the coordinator's clock.

A worker's wall clock may step, or be years off; its boot clock does neither. The
offset from the boot clock to the coordinator's time is measured on the links of
that boot, so a result that was made before a step of the wall clock, or by a node
that believes it is 1970, lands where it belongs.
"""

from msgspec import Struct

#: A result from further in the future or the past cannot be true.
FUTURE_US = 2_000_000
PAST_US = 30 * 86_400_000_000
#: So fast may two clocks drift apart (RFC 5905 calls it PHI: 15 ppm; cheap ones 100).
DRIFT_PPM = 100


class BootTime(Struct, frozen=True):
    """``offset_us`` is what to add to a boot clock to get the coordinator's time.

    It may be off by ``error_us``.
    """

    offset_us: int
    error_us: int


class WorkerTime(Struct, frozen=True):
    """How to place results of one boot of a worker.

    ``wall_offset_us`` is what to add to its wall clock, ``boot_offset_us`` to its
    boot clock; None if no link of that boot has measured it. Then the boot is an
    earlier one, and ended by ``before_us`` (0: it goes on).
    """

    wall_offset_us: int
    boot_offset_us: int | None = None
    before_us: int = 0

    def place(self, started_us: int, boot_ns: int, now_us: int) -> tuple[int, bool]:
        """Return the UTC time of a result in microseconds, and if it is a guess.

        *started_us* is its wall time and *boot_ns* its boot clock, 0 if unknown.
        What is impossible at *now_us* becomes the latest that is possible; what a
        measured clock says is older than we believe becomes the oldest.
        """
        latest = now_us
        if boot_ns and self.boot_offset_us is not None:
            at_us, guessed = boot_ns // 1000 + self.boot_offset_us, False
            if at_us < now_us - PAST_US:
                return now_us - PAST_US, True
        else:
            at_us, guessed = started_us + self.wall_offset_us, bool(self.before_us)
            if self.before_us:
                latest = max(min(self.before_us, now_us), now_us - PAST_US)
        margin = 0 if guessed else FUTURE_US
        if latest - PAST_US <= at_us <= latest + margin:
            return at_us, guessed
        return latest, True


def error_bound_us(rtt_us: int, age_s: float = 0.0) -> int:
    """Return how far an offset may be off, measured in *rtt_us* so long ago."""
    return rtt_us // 2 + round(age_s * DRIFT_PPM)
