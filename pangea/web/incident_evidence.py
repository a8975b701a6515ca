"""Evidence side by side: what one that fails and one that does not found, as rows."""

from typing import Any

from msgspec import Struct

from pangea.core.text import safe_text

from .text import t
from .words import When, ms, when

#: What a finding tells, in this order.
FOUND = (
    "outcome",
    "detail",
    "refused",
    "address",
    "status",
    "final_url",
    "answers",
    "resolver",
)
CERTIFICATE = ("subject", "issuer", "not_after", "fingerprint", "version")
MOST_ROWS = 100
#: The place of the phases among the rows.
PHASE = 200


class EvidenceRow(Struct, frozen=True):
    """A line of the comparison: what each side says; ``differs`` if not the same."""

    name: str
    sides: list[str]
    differs: bool


class Evidence(Struct, frozen=True):
    """What was gathered of a job, with the difference in ``words``."""

    job: str
    at: When | None
    words: str
    workers: list[str]
    rows: list[EvidenceRow]


def evidence_of(told: dict[str, Any], now: str) -> Evidence:
    """Return a gathering as a table; anything may be missing or of another type."""
    sides = [side for side in (told.get("failing"), told.get("healthy")) if side]
    found = [_finding(side) for side in sides if isinstance(side, dict)]
    names = sorted(dict.fromkeys(name for side in found for name in side), key=_place)
    at = told.get("at")
    return Evidence(
        job=_text(told.get("job", ""), 63),
        at=when(at, now) if isinstance(at, str) else None,
        words=_text(told.get("words", ""), 1000),
        workers=[side.pop(_WORKER, "") for side in found],
        rows=[_row(name, found) for name in names if name != _WORKER][:MOST_ROWS],
    )


_WORKER = (-1, "")
#: A name is its place and what it is called, so that hops stand in their order.
Told = dict[tuple[int, str], str]


def _place(name: tuple[int, str]) -> tuple[int, str]:
    return name


def _row(name: tuple[int, str], found: list[Told]) -> EvidenceRow:
    said = [side.get(name, "–") for side in found]
    # How long a phase takes is never the same.
    timed = PHASE <= name[0] < PHASE + 20
    return EvidenceRow(name[1], said, len(set(said)) > 1 and not timed)


def _finding(side: dict[str, Any]) -> Told:
    told: Told = {_WORKER: _text(side.get("worker", ""), 63)}
    for n, name in enumerate(FOUND):
        if side.get(name):
            told[n, t(f"incidents.found_{name}")] = _text(side[name])
    told.update(_certificate(side.get("certificate")))
    told.update(_phases(side.get("phases")))
    if side.get("walked"):
        arrives = "way_arrives" if side.get("arrived") else "way_cut"
        told[300, t("incidents.way")] = t(f"incidents.{arrives}")
    elif side.get("no_way"):
        told[300, t("incidents.way")] = _text(side["no_way"])
    told.update(_hops(side.get("hops")))
    return told


def _certificate(shown: Any) -> Told:
    if not isinstance(shown, dict):
        return {}
    return {
        (100 + n, t(f"incidents.cert_{name}")): _text(shown[name])
        for n, name in enumerate(CERTIFICATE)
        if shown.get(name)
    }


def _phases(phases: Any) -> Told:
    if not isinstance(phases, dict):
        return {}
    return {
        (PHASE + n, t("incidents.phase", name=_text(name, 40))): ms(float(value))
        for n, (name, value) in enumerate(list(phases.items())[:20])
        if isinstance(value, int | float)
    }


def _hops(hops: Any) -> Told:
    told: Told = {}
    for hop in hops if isinstance(hops, list) else ():
        if isinstance(hop, list) and hop and isinstance(hop[0], int):
            known = hop[1] if len(hop) > 1 and hop[1] else ["*"]
            told[1000 + hop[0], t("incidents.hop", n=hop[0])] = _text(known)
    return told


def _text(value: Any, limit: int = 300) -> str:
    many = isinstance(value, list | tuple)
    joined = ", ".join(map(str, value)) if many else str(value)
    return safe_text(joined, limit)
