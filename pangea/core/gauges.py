"""What the last result of a job says in numbers, packed small for monitoring systems.

The names are those of Prometheus' blackbox_exporter where it has one; durations are
seconds, moments seconds of UTC.
"""

import math
import struct
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import Struct

from .fact import is_number
from .model import Flag, Outcome, Result

#: So long after the last look nothing is kept any more.
WATCHED_S = 900.0

_SICK = int(Flag.SICK)
_NONE = math.nan
_HEAD, _ONE = struct.Struct("<qdb"), struct.Struct("<d")

Read = Callable[[Result], float]


class Gauge(Struct, frozen=True):
    """A number that results of a type have; ``phase`` is a label of it, if any."""

    name: str
    read: Read
    phase: str = ""


def _phase(name: str, phase: str, label: str = "") -> Gauge:
    def read(result: Result) -> float:
        spent = result.phases.get(phase)
        return _NONE if spent is None else _number(spent) / 1000

    return Gauge(name, read, label)


def _reading(name: str, reading: str, per: float = 1.0) -> Gauge:
    def read(result: Result) -> float:
        return _number(result.readings.get(reading)) / per

    return Gauge(name, read)


def _moment(name: str, reading: str) -> Gauge:
    def read(result: Result) -> float:
        said = result.readings.get(reading)
        if not isinstance(said, str):
            return _NONE
        try:
            return datetime.fromisoformat(said).timestamp()
        except (ValueError, OverflowError):
            return _NONE

    return Gauge(name, read)


def _version(result: Result) -> float:
    said = result.readings.get("http_version")
    try:
        return float(said) if isinstance(said, str) and len(said) <= 3 else _NONE
    except ValueError:
        return _NONE


def _answers(result: Result) -> float:
    said = result.readings.get("answers")
    return float(len(said)) if isinstance(said, list) else _NONE


def _secure(result: Result) -> float:
    said = result.readings.get("final_url")
    return float(said.startswith("https:")) if isinstance(said, str) else _NONE


def _number(value: Any) -> float:
    """Return what is a number at all; readings come from workers of any version."""
    return float(value) if is_number(value) else _NONE


LOOKUP = _phase("probe_dns_lookup_time_seconds", "resolve")
_CERTIFICATE = (
    _moment("probe_ssl_earliest_cert_expiry", "chain_earliest_expiry"),
    _moment("probe_ssl_last_chain_expiry_timestamp_seconds", "verified_chain_expiry"),
)
_ICMP, _HTTP, _DNS, _PHASE = (
    "probe_icmp_duration_seconds",
    "probe_http_duration_seconds",
    "probe_dns_duration_seconds",
    "pangea_probe_phase_seconds",
)
#: Of each type what it tells; of another type only how long its phases took.
GAUGES: dict[str, tuple[Gauge, ...]] = {
    "icmp": (
        LOOKUP,
        _phase(_ICMP, "resolve", "resolve"),
        _phase(_ICMP, "rtt", "rtt"),
        _reading("probe_icmp_reply_hop_limit", "reply_ttl"),
        _reading("pangea_probe_loss_ratio", "loss_pct", 100),
        _reading("pangea_probe_jitter_seconds", "jitter_ms", 1000),
    ),
    "http": (
        LOOKUP,
        _phase(_HTTP, "resolve", "resolve"),
        _phase(_HTTP, "connect", "connect"),
        _phase(_HTTP, "tls", "tls"),
        _phase(_HTTP, "first_byte", "processing"),
        _phase(_HTTP, "transfer", "transfer"),
        _reading("probe_http_status_code", "status"),
        Gauge("probe_http_version", _version),
        _reading("probe_http_redirects", "redirects"),
        Gauge("probe_http_ssl", _secure),
        *_CERTIFICATE,
    ),
    "dns": (
        LOOKUP,
        _phase(_DNS, "resolve", "resolve"),
        _phase(_DNS, "connect", "connect"),
        _phase(_DNS, "query", "request"),
        Gauge("probe_dns_answer_rrs", _answers),
    ),
    "tls": (
        LOOKUP,
        _phase(_PHASE, "connect", "connect"),
        _phase(_PHASE, "tls", "tls"),
        *_CERTIFICATE,
    ),
    "tcp": (
        LOOKUP,
        _phase(_PHASE, "connect", "connect"),
        _phase(_PHASE, "tls", "tls"),
        _phase(_PHASE, "banner", "banner"),
        *_CERTIFICATE,
    ),
}
OTHER: tuple[Gauge, ...] = (LOOKUP, _phase(_PHASE, "answer", "answer"))
#: Each metric with what it means.
FAMILIES = {
    LOOKUP.name: "How long the name took to resolve.",
    _ICMP: "How long each phase of the ping took.",
    "probe_icmp_reply_hop_limit": "Hop limit of the answer.",
    "pangea_probe_loss_ratio": "Share of the packets that were lost.",
    "pangea_probe_jitter_seconds": "Mean difference of one answer to the next.",
    _HTTP: "How long each phase of the request took, over all redirects.",
    "probe_http_status_code": "Status of the answer.",
    "probe_http_version": "Version of HTTP of the answer.",
    "probe_http_redirects": "Redirects that were followed.",
    "probe_http_ssl": "Whether TLS was used at the end.",
    _CERTIFICATE[0].name: "When the first certificate of those presented expires.",
    _CERTIFICATE[1].name: "When the chain that was verified expires.",
    _DNS: "How long each phase of the query took.",
    "probe_dns_answer_rrs": "Records of the answer, of those that are shown.",
    _PHASE: "How long each phase took.",
}
_SHAPES = {kind: struct.Struct(f"<{len(g)}d") for kind, g in GAUGES.items()}
_OTHER_SHAPE = struct.Struct(f"<{len(OTHER)}d")


class Last(NamedTuple):
    """When the last result of a job by a worker began, and how it went.

    ``success`` is NaN if it could not tell.
    """

    started_us: int
    duration_s: float
    success: float


def gauges_of(kind: str) -> tuple[Gauge, ...]:
    """Return what results of jobs of type *kind* tell."""
    return GAUGES.get(kind, OTHER)


def pack(result: Result, kind: str) -> bytes:
    """Return *result* in some 50 to 130 bytes.

    Timings of a worker that was unwell are void; what it failed it could not tell.
    """
    sick = result.flags & _SICK
    told = result.outcome is Outcome.OK or (
        result.outcome is Outcome.FAILED and not sick
    )
    gauges, shape = gauges_of(kind), _SHAPES.get(kind, _OTHER_SHAPE)
    took = _NONE if sick or not told else _number(result.duration_ms) / 1000
    values = [_NONE if sick else gauge.read(result) for gauge in gauges]
    success = (result.outcome is Outcome.OK) if told else -1
    return _HEAD.pack(result.started_at_us, took, success) + shape.pack(*values)


def unpack(packed: bytes) -> Last:
    """Return the head of what `pack` made."""
    started_us, took, success = _HEAD.unpack_from(packed)
    return Last(started_us, took, _NONE if success < 0 else float(success))


def value_of(packed: bytes, at: int) -> float:
    """Return the value of the gauge *at* that place, without all the others."""
    (value,) = _ONE.unpack_from(packed, _HEAD.size + at * _ONE.size)
    return float(value)


class Lasts:
    """The last result of each job and worker, packed.

    That takes microseconds a result, so it is done only while somebody looks.
    """

    def __init__(self) -> None:
        self._jobs: dict[int, dict[int, bytes]] = {}
        self._until_us = 0

    def look(self, now_us: int) -> None:
        """Keep what comes until WATCHED_S after now."""
        self._until_us = now_us + round(WATCHED_S * 1e6)

    def add(self, result: Result, kind: str) -> None:
        """Take a result of a job of type *kind*, unless a newer one is held."""
        if result.started_at_us > self._until_us:
            return
        held = self._jobs.setdefault(result.job, {})
        before = held.get(result.worker)
        if before is None or _HEAD.unpack_from(before)[0] <= result.started_at_us:
            held[result.worker] = pack(result, kind)

    def of(self, job: int, worker: int) -> bytes | None:
        """Return the last that *worker* told of *job*, packed; None if nothing."""
        return self._jobs.get(job, {}).get(worker)

    def forget(self, job: int) -> None:
        """Drop a job that was removed."""
        self._jobs.pop(job, None)
