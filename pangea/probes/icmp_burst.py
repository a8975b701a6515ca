"""A train of pings to one address, and what has come back of it."""

import asyncio

from msgspec import Struct


class Request(Struct, frozen=True):
    """What to send: *count* packets of *size* payload bytes, *gap_s* apart.

    Each may take *wait_s* to be answered. ``ttl`` and ``tos`` None leave the
    system's own values; ``source`` is one of our own addresses, "" lets the system
    choose it.
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


_NONE: frozenset[int] = frozenset()


class Burst:
    """The packets of one request and what has come back of them so far.

    ``address`` is the request's in the form in which replies come, without a zone.
    ``rtts_ms`` has an entry per packet sent, None while it is unanswered;
    ``duplicates`` were answered again, ``reordered`` came after the answer to a
    later packet (RFC 4737, 3), ``corrupted`` with a payload that is not ours;
    ``refusal`` is the last ICMP error as reason code and words, ``refused_by`` the
    address that it came from ("" if unknown) and ``refused_ms`` how long that took.
    """

    __slots__ = (
        "_closed",
        "_newest",
        "_open",
        "address",
        "corrupted",
        "done",
        "duplicates",
        "refusal",
        "refused_by",
        "refused_ms",
        "reordered",
        "reply_ttl",
        "request",
        "rtts_ms",
    )

    def __init__(
        self, request: Request, address: str, done: "asyncio.Future[None]"
    ) -> None:
        self.request = request
        self.address = address
        self.done = done
        self.rtts_ms: list[float | None] = []
        self.duplicates = self.reordered = self.corrupted = 0
        self.reply_ttl: int | None = None
        self.refusal: tuple[str, str] | None = None
        self.refused_by = ""
        self.refused_ms: float | None = None
        self._open = request.count
        self._newest = -1
        self._closed: frozenset[int] = _NONE

    @property
    def received(self) -> int:
        """How many packets were answered."""
        return sum(rtt is not None for rtt in self.rtts_ms)

    def answered(self, index: int, rtt_ms: float, ttl: int | None) -> bool:
        """Note a reply to packet *index*; tell whether it was the last one missing.

        One that comes too late is none.
        """
        if self.rtts_ms[index] is not None:
            self.duplicates += 1
            return False
        if index in self._closed or rtt_ms > self.request.wait_s * 1000:
            return False
        self.rtts_ms[index] = rtt_ms
        self.reply_ttl = ttl
        if index < self._newest:
            self.reordered += 1
        else:
            self._newest = index
        self._open -= 1
        if self._open:
            return False
        self.finish()
        return True

    def refused(
        self, index: int, reason: str, words: str, by: str, took_ms: float | None
    ) -> None:
        """Note an ICMP error; the first word from a silent target ends it all."""
        if index in self._closed or self.rtts_ms[index] is not None:
            return
        self.refusal = (reason, f"{by}: {words}" if by else words)
        self.refused_by, self.refused_ms = by, took_ms
        self._closed |= {index}
        self._open -= 1
        if not self._open or self._newest < 0:
            self.finish()

    def unanswered(self) -> int:
        """Return the last packet that may still be answered, -1 if there is none."""
        for index in range(len(self.rtts_ms) - 1, -1, -1):
            if self.rtts_ms[index] is None and index not in self._closed:
                return index
        return -1

    def finish(self, error: Exception | None = None) -> None:
        """End the burst, for good or with *error*; no packet follows."""
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)
