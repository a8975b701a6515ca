"""The hops on the way to a target, as far as they say who they are."""

from typing import Any, NamedTuple

from msgspec import Struct, field

SILENT = "*"
_ARROW = " > "
_OR = "|"
#: addresses that are remembered of one hop, where packets take several ways
_KEPT = 8


class Reply(NamedTuple):
    """What came back for one packet.

    ``kind`` is ``hop`` (its time to live ended there), ``target``, or the reason
    code of a refusal, with its ``words``.
    """

    kind: str
    address: str
    rtt_ms: float | None
    words: str = ""


class Hop(Struct, kw_only=True):
    """One step: the replies to the packets that may go ``ttl`` hops far."""

    ttl: int
    rtts_ms: list[float | None] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def readings(self) -> dict[str, Any]:
        """Return the hop as the result has it."""
        lost = self.rtts_ms.count(None)
        said: dict[str, Any] = {
            "ttl": self.ttl,
            "address": self.addresses[0] if self.addresses else None,
            "rtts_ms": list(self.rtts_ms),
            "loss_pct": round(100 * lost / len(self.rtts_ms), 2),
        }
        if len(self.addresses) > 1:
            said["addresses"] = list(self.addresses)
        return said


class Path:
    """The hops up to *most*, filled in reply by reply.

    ``end`` is the last that matters: where the target or a refusal was met.
    """

    def __init__(self, most: int) -> None:
        self.end = most
        self.refusal: Reply | None = None
        self.reached = False
        self._hops: dict[int, Hop] = {}

    @property
    def hops(self) -> list[Hop]:
        """The hops that were asked and matter, without silence at the end."""
        known = [h for ttl, h in sorted(self._hops.items()) if ttl <= self.end]
        while known and not known[-1].addresses:
            known.pop()
        return known

    def note(self, ttl: int, reply: Reply | None) -> None:
        """Note what came back for a packet of *ttl*; None: nothing did."""
        hop = self._hops.setdefault(ttl, Hop(ttl=ttl))
        hop.rtts_ms.append(reply.rtt_ms if reply else None)
        if reply is None:
            return
        if reply.address and reply.address not in hop.addresses:
            hop.addresses.append(reply.address)
        if reply.kind == "target" and (not self.reached or ttl < self.end):
            self.end, self.reached, self.refusal = ttl, True, None
        elif reply.kind in ("hop", "target") or self.reached or ttl > self.end:
            return  # one that arrives proves more than one that is refused
        else:
            self.end, self.refusal = ttl, reply

    def returning(self) -> dict[str, list[int]]:
        """Return the addresses that answer at three hops or more: a loop."""
        seen: dict[str, list[int]] = {}
        for hop in self.hops:
            for address in hop.addresses:
                seen.setdefault(address, []).append(hop.ttl)
        return {address: at for address, at in seen.items() if len(at) >= 3}

    def __str__(self) -> str:
        said = [_OR.join(sorted(hop.addresses)) or SILENT for hop in self.hops]
        return _ARROW.join(said)


def merged(before: str, after: str) -> str | None:
    """Return both paths as one if they are the same way, None if they differ.

    A hop that did not answer may have been any; where packets take several ways,
    one in common is enough.
    """
    old, new = before.split(_ARROW), after.split(_ARROW)
    if len(old) != len(new):
        return None
    ways = []
    for one, other in zip(old, new, strict=True):
        way = _same_hop(one, other)
        if way is None:
            return None
        ways.append(way)
    return _ARROW.join(ways)


def _same_hop(old: str, new: str) -> str | None:
    if old == new or new == SILENT:
        return old
    if old == SILENT:
        return new
    known, seen = set(old.split(_OR)), set(new.split(_OR))
    if not known & seen:
        return None
    both = known | seen
    return _OR.join(sorted(both if len(both) <= _KEPT else seen))
