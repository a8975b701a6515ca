"""A train of pings to one address, and what has come back of it."""

import asyncio

from msgspec import Struct


class Request(Struct, frozen=True):
    """What to send: *count* packets of *size* payload bytes, *gap_s* apart.

    Each may take *wait_s* to be answered. ``ttl`` and ``tos`` None leave the
    system's own values; ``source`` "" lets it choose the address.
    """

    address: str
    count: int = 1
    gap_s: float = 0.2
    wait_s: float = 1.0
    size: int = 56
    ttl: int | None = None
    tos: int | None = None
    dont_fragment: bool = False
    source: str = ""


class Burst:
    """The packets of one request and what has come back of them so far.

    ``address`` is the request's in the form in which replies come, without a zone.
    ``rtts_ms`` has an entry per packet sent, None while it is unanswered;
    ``refusal`` is the last ICMP error as reason code and words.
    """

    def __init__(
        self, request: Request, address: str, done: "asyncio.Future[None]"
    ) -> None:
        self.request = request
        self.address = address
        self.done = done
        self.rtts_ms: list[float | None] = []
        self.duplicates = 0
        self.reply_ttl: int | None = None
        self.refusal: tuple[str, str] | None = None
        self._open = request.count
        self._timer: asyncio.TimerHandle | None = None

    @property
    def received(self) -> int:
        """How many packets were answered."""
        return sum(rtt is not None for rtt in self.rtts_ms)

    def answered(self, index: int, rtt_ms: float, ttl: int | None) -> None:
        """Note the reply to packet *index*."""
        self.rtts_ms[index] = rtt_ms
        self.reply_ttl = ttl
        self._settled()

    def refused(self, reason: str, words: str) -> None:
        """Note an ICMP error; the first word from a silent target ends it all."""
        self.refusal = (reason, words)
        if self.received:
            self._settled()
        else:
            self.finish()

    def lost(self) -> None:
        """Note that a packet was not answered in time."""
        self._settled()

    def next_at(self, timer: asyncio.TimerHandle) -> None:
        """Keep the *timer* of the next packet."""
        self._timer = timer

    def finish(self, error: Exception | None = None) -> None:
        """End the burst, for good or with *error*; no packet follows."""
        if self._timer is not None:
            self._timer.cancel()
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)

    def _settled(self) -> None:
        self._open -= 1
        if not self._open:
            self.finish()
