"""What is said of a clock: how far it is off, and how good it is."""

from .durations import milliseconds
from .fact import Part, Readings, fact, part


def view(readings: Readings) -> list[Part]:
    """Return the offset, then who the server is."""
    return [
        part(
            fact("offset", *_offset(readings.number("offset_ms"))),
            fact("address", readings.text("address")),
            fact("stratum", readings.text("stratum"), _source(readings)),
            fact("root", *_root(readings)),
            fact("precision", readings.text("precision_ms")),
            fact("leap", readings.text("leap")),
        )
    ]


def gist(readings: Readings) -> str:
    """Return offset and stratum."""
    stratum = readings.text("stratum")
    said = [
        *_offset(readings.number("offset_ms"))[:1],
        stratum and f"stratum {stratum}",
    ]
    return ", ".join(one for one in said if one)


def _offset(offset: float | None) -> tuple[str, ...]:
    if offset is None:
        return ()
    side = "ahead of" if offset > 0 else "behind"
    sign = "+" if offset > 0 else ""
    return f"{sign}{milliseconds(offset)}", f"it is {side} this clock"


def _source(readings: Readings) -> str:
    source = readings.text("reference_id")
    return f"from {source}" if source else ""


def _root(readings: Readings) -> list[str]:
    told = {n: readings.text(f"root_{n}_ms") for n in ("delay", "dispersion")}
    return [f"{name} {value}" for name, value in told.items() if value]
