"""Pangea's side of a scenario, run as a worker runs it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pangea.core.model import Outcome, Result
from pangea.probes.base import make_probe
from pangea.probes.runner import run_once
from pangea.probes.tools import Tools
from pangea.system_clock import SystemClock
from tests.oracle.scenario import Said, Scenario, fill


async def ask(scenario: Scenario, world: Mapping[str, object], tools: Tools) -> Said:
    """Run the scenario's probe once and return what it says."""
    options = fill(scenario.options, world)
    probe = make_probe(scenario.type, fill(scenario.ours, world), options)
    result = await run_once(
        probe, tools, SystemClock(), job=1, timeout_s=scenario.timeout_s
    )
    return read(result)


def read(result: Result) -> Said:
    """Return what *result* says, in the columns of the table."""
    readings = result.readings
    fine = result.outcome is Outcome.OK
    values = {
        "success": int(fine),
        "outcome": str(result.outcome),
        "cause": "" if fine else result.reason,
        "status": readings.get("status"),
        "rcode": readings.get("rcode"),
        "expiry": _expiry(readings),
        "chain_expiry": _moment(readings.get("verified_chain_expiry")),
        "redirects": readings.get("redirects"),
        "http_version": _dotted(readings.get("http_version")),
        "tls_version": _dotted(readings.get("tls_version")),
        "reply_ttl": readings.get("reply_ttl"),
        "serial": readings.get("serial"),
    }
    said = f"{result.outcome} {result.reason}".strip()
    return Said(values, f"{said}: {result.detail}" if result.detail else said)


def _expiry(readings: Mapping[str, Any]) -> int | None:
    """Return when the first certificate of the chain expires, in seconds of UTC."""
    return _moment(readings.get("chain_earliest_expiry") or readings.get("not_after"))


def _moment(text: str | None) -> int | None:
    return round(datetime.fromisoformat(text).timestamp()) if text else None


def _dotted(text: str | None) -> str | None:
    """Return ``TLSv1``, ``TLSv1.2`` and ``2`` as ``1.0``, ``1.2`` and ``2.0``."""
    if text is None:
        return None
    number = text.removeprefix("TLSv")
    return number if "." in number else f"{number}.0"
