"""The offset between two clocks, from four timestamps and the best of eight.

A asks at ``sent`` (its clock), B receives and answers (its clock), A hears at
``heard``. The sample with the shortest round trip is the one least bent by
queues, and half its round trip bounds the error (RFC 5905 section 8 and 10).
"""

from collections import deque

from msgspec import Struct

KEPT = 8
#: So far two clocks may drift apart between the oldest sample and the newest.
DRIFT_US = 100_000


class OffsetSample(Struct, frozen=True):
    """``offset_us`` is what to add to our clock to get the peer's."""

    offset_us: int
    rtt_us: int


def offset_sample(
    sent_us: int, received_us: int, answered_us: int, heard_us: int
) -> OffsetSample:
    """Return the sample that four timestamps in microseconds make."""
    offset = ((received_us - sent_us) + (answered_us - heard_us)) // 2
    rtt = max(0, (heard_us - sent_us) - (answered_us - received_us))
    return OffsetSample(offset, rtt)


class OffsetEstimate:
    """The best of the last eight samples, none of them older than a clock step."""

    def __init__(self) -> None:
        self._samples: deque[OffsetSample] = deque(maxlen=KEPT)

    def add(self, sample: OffsetSample) -> None:
        """Take in one more; if it cannot agree with the best, a clock was set."""
        best = self.best
        bound = (sample.rtt_us + best.rtt_us) / 2 + DRIFT_US
        if abs(sample.offset_us - best.offset_us) > bound:
            self.forget()
        self._samples.append(sample)

    def __bool__(self) -> bool:
        """Whether there is a sample."""
        return bool(self._samples)

    @property
    def best(self) -> OffsetSample:
        """Return the sample with the shortest round trip, or zeros."""
        if not self._samples:
            return OffsetSample(0, 0)
        return min(self._samples, key=lambda s: s.rtt_us)

    def forget(self) -> None:
        """Drop what was measured; after a clock step it is wrong."""
        self._samples.clear()
