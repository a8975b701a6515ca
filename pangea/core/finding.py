"""What one worker found when it was asked once: what can be compared of it."""

import ipaddress
from typing import Any

import msgspec
from msgspec import Struct

from .fact import Readings
from .model import Outcome, Result
from .text import safe_text

#: A way that is longer is cut.
MOST_HOPS = 64
#: So much of one text is kept; what is longer tells nobody more.
LONGEST = 300
MOST_ANSWERS = 8


class Certificate(Struct, frozen=True, kw_only=True):
    """What a server showed of itself."""

    subject: str = ""
    issuer: str = ""
    not_after: str = ""
    fingerprint: str = ""
    version: str = ""


class Hop(Struct, frozen=True, array_like=True):
    """A step on the way; no addresses: it said nothing."""

    ttl: int
    addresses: tuple[str, ...] = ()


class Finding(Struct, frozen=True, kw_only=True):
    """What *worker* found; an empty ``outcome`` with ``refused``: it was not asked.

    ``address`` is the one that was asked, ``phases`` are milliseconds. The way is
    ``walked`` as far as ``hops``; ``arrived`` tells whether to its end, and ``no_way``
    why it could not be walked.
    """

    worker: str
    outcome: str = ""
    reason: str = ""
    detail: str = ""
    at_us: int = 0
    duration_ms: float = 0.0
    refused: str = ""
    address: str = ""
    phases: dict[str, float] = {}
    status: str = ""
    http_version: str = ""
    final_url: str = ""
    certificate: Certificate | None = None
    answers: tuple[str, ...] = ()
    resolver: str = ""
    walked: bool = False
    arrived: bool = False
    hops: tuple[Hop, ...] = ()
    no_way: str = ""

    @property
    def data(self) -> dict[str, Any]:
        """This finding as it is stored; what is empty is left out."""
        told: dict[str, Any] = msgspec.to_builtins(self)
        return {name: said for name, said in told.items() if said not in _EMPTY}


_EMPTY: tuple[Any, ...] = ("", {}, (), None, 0, False)


def finding_of(
    worker: str,
    result: Result | None,
    way: Result | None = None,
    *,
    refused: str = "",
    no_way: str = "",
) -> Finding:
    """Return what *result* and the *way* to the target say, every text made safe.

    A result of a traceroute job is its own way. Nothing that a worker says of
    another kind than is known is taken.
    """
    if result is None:
        return Finding(worker=worker, refused=safe_text(refused, LONGEST))
    readings = Readings(result.readings)
    failure = readings.table("failure")
    walk = way.readings if way else result.readings
    hops = _hops(Readings(walk))
    at = readings.text("address")
    walked = way is not None and way.outcome is not Outcome.ERROR
    return Finding(
        worker=worker,
        outcome=str(result.outcome),
        reason=safe_text(result.reason or (failure.text("reason") if failure else "")),
        detail=safe_text(result.detail, LONGEST),
        at_us=result.started_at_us,
        duration_ms=round(result.duration_ms, 3),
        address=_address(at),
        phases={safe_text(k, 40): round(v, 3) for k, v in result.phases.items()},
        status=readings.text("status"),
        http_version=readings.text("http_version"),
        final_url=readings.text("final_url")[:LONGEST],
        certificate=_certificate(readings),
        answers=tuple(sorted(readings.texts("answers")[:MOST_ANSWERS])),
        resolver=readings.text("resolver"),
        walked=walked or bool(hops),
        arrived=Readings(walk).flag("reached") is True,
        hops=hops,
        no_way=safe_text(no_way or _why_no_way(way), LONGEST),
    )


def _why_no_way(way: Result | None) -> str:
    return "" if way is None or way.outcome is not Outcome.ERROR else way.detail


def _certificate(readings: Readings) -> Certificate | None:
    found = Certificate(
        subject=readings.text("subject"),
        issuer=readings.text("issuer"),
        not_after=readings.text("not_after"),
        fingerprint=readings.text("fingerprint_sha256"),
        version=readings.text("tls_version"),
    )
    return None if found == Certificate() else found


def _hops(readings: Readings) -> tuple[Hop, ...]:
    hops = []
    for table in readings.tables("hops")[:MOST_HOPS]:
        ttl, one = table.number("ttl"), _address(table.text("address"))
        if ttl is None or not 0 < ttl <= 255:
            continue  # the hops of an HTTP answer are redirects
        several = tuple(filter(None, map(_address, table.texts("addresses"))))
        hops.append(Hop(int(ttl), several[:8] or ((one,) if one else ())))
    return tuple(hops)


def _address(text: str) -> str:
    """Return *text* if it is an address, else ""."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
