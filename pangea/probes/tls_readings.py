"""Puts what a handshake showed into readings: flat, bounded, with units."""

from collections.abc import Sequence
from typing import Any

from .certificates import DAY, Facts, iso
from .tls_demand import Seen, earliest

#: Alternative names that are told: what the tls probe is for, others tell in passing.
SHOWN_NAMES, SHOWN_IN_PASSING = 20, 5
SHOWN_CHAIN = 10


def told(seen: Seen, sent: int) -> dict[str, Any]:
    """Return what was *seen* as readings; *sent* certificates were presented."""
    readings = certificate_told(seen.chain, seen.verified, sent, seen.now, SHOWN_NAMES)
    readings["chain"] = _shown(seen.chain, seen.now)
    if seen.verified:
        readings["verified_chain"] = _shown(seen.verified, seen.now)
    if seen.alpn:
        readings["alpn"] = seen.alpn
    _note_status(seen, readings)
    return readings


def certificate_told(
    chain: Sequence[Facts],
    verified: Sequence[Facts],
    sent: int,
    now: float,
    names: int = SHOWN_IN_PASSING,
) -> dict[str, Any]:
    """Return what any probe tells of a certificate and when its chain ends.

    *chain* was presented, *verified* is the way to a trusted authority, if any.
    """
    leaf = chain[0]
    readings = _life(leaf, now) | {
        "not_before": iso(leaf.not_before),
        "san": list(leaf.san[:names]),
        "san_count": leaf.san_count,
        "key": leaf.key,
        "bits": leaf.bits,
        "signature": leaf.signature,
        "fingerprint_sha256": leaf.fingerprint,
        "chain_length": sent,
    }
    _note_expiry("chain_earliest", chain, now, readings)
    if verified:
        _note_expiry("verified_chain", verified, now, readings)
    return readings


def _note_status(seen: Seen, readings: dict[str, Any]) -> None:
    staple = seen.staple
    if staple is None:
        readings["ocsp"] = "none"
        return
    fault = staple.fault_at(seen.now)
    readings["ocsp"] = "invalid" if fault else staple.status
    if staple.produced is not None:
        readings["ocsp_produced"] = iso(staple.produced)
    if staple.next_update is not None:
        readings["ocsp_next_update"] = iso(staple.next_update)


def _note_expiry(
    name: str, chain: Sequence[Facts], now: float, readings: dict[str, Any]
) -> None:
    first = earliest(chain)
    readings[f"{name}_expiry"] = iso(first.not_after)
    readings[f"{name}_days_left"] = _days_left(first, now)


def _shown(chain: Sequence[Facts], now: float) -> list[dict[str, Any]]:
    return [_life(facts, now) for facts in chain[:SHOWN_CHAIN]]


def _life(facts: Facts, now: float) -> dict[str, Any]:
    return {
        "subject": facts.subject,
        "issuer": facts.issuer,
        "not_after": iso(facts.not_after),
        "days_left": _days_left(facts, now),
    }


def _days_left(facts: Facts, now: float) -> float:
    return round((facts.not_after - now) / DAY, 2)
