"""The fact sheet of a result: the same for a terminal, a page and a mail.

A family of pure functions, one for each type of probe: readings in, facts out.
What no function takes is told as it is, so that a new reading needs no code.
"""

from collections.abc import Callable, Mapping
from typing import Any

from . import (
    fact_dns,
    fact_http,
    fact_icmp,
    fact_ntp,
    fact_path,
    fact_stream,
    fact_tls,
)
from .fact import Fact, Part, Readings, part, plain_facts, scalar
from .text import safe_text

View = Callable[[Readings], list[Part]]
Gist = Callable[[Readings], str]

VIEWS: dict[str, View] = {
    "dns": fact_dns.view,
    "http": fact_http.view,
    "icmp": fact_icmp.view,
    "ntp": fact_ntp.view,
    "tcp": fact_stream.view,
    "tls": fact_tls.view,
    "traceroute": fact_path.view,
    "udp": fact_stream.view,
}
GISTS: dict[str, Gist] = {
    "dns": fact_dns.gist,
    "http": fact_http.gist,
    "icmp": fact_icmp.gist,
    "ntp": fact_ntp.gist,
    "tcp": fact_stream.gist,
    "tls": fact_tls.gist,
    "traceroute": fact_path.gist,
    "udp": fact_stream.gist,
}


def sheet(type_: str, values: Mapping[str, Any]) -> list[Part]:
    """Return what the readings *values* of a probe of *type_* say, part by part."""
    readings = Readings(values)
    first = part(_failure(readings), *_changes(readings))
    view = VIEWS.get(type_)
    parts = view(readings) if view else []
    return [p for p in (first, *parts, plain_facts(readings.left)) if p]


def gist(type_: str, values: Mapping[str, Any]) -> str:
    """Return the same in a few words, for a line among many."""
    known = GISTS.get(type_)
    if known:
        return known(Readings(values))
    short = [
        f"{safe_text(name, 30)} {scalar(name, value)}"
        for name, value in values.items()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    ]
    return safe_text(", ".join(short[:4]), 200)


def _failure(readings: Readings) -> Fact | None:
    """Return why it did not answer, where that was wanted."""
    failure = readings.table("failure")
    if failure is None:
        return None
    said = [failure.text("reason"), failure.text("detail")]
    return Fact("as wanted", (": ".join(one for one in said if one),))


def _changes(readings: Readings) -> list[Fact]:
    """Return what is not as it was, a fact for each."""
    changes = readings.table("changed")
    if changes is None:
        return []
    found = []
    for name in list(changes.left):
        change = changes.table(name)
        if change is None:
            continue
        lines = (f"was {change.text('before')}", f"now {change.text('after')}")
        title = f"changed {safe_text(name.replace('_', ' '), 40)}"
        found.append(Fact(title, lines, tone="degraded"))
    return found
