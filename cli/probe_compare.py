"""What several workers found, side by side, and the difference in words."""

from collections.abc import Iterator
from typing import Any

from pangea.core.durations import milliseconds
from pangea.core.evidence import difference
from pangea.core.fact import Readings
from pangea.core.finding import finding_of
from pangea.core.model import Outcome, Result
from pangea.core.sheet import gist
from pangea.core.text import safe_text

from .probe_view import card, said_of, why, wrapped
from .table import Style

#: Phases that have a column of their own, at most.
MOST_PHASES = 5
SILENT = "*"


def compared(
    style: Style, found: list[dict[str, Any]], width: int | None
) -> Iterator[str]:
    """Yield the lines of what was *found*: a table, and what differs in it."""
    if not found:
        return
    if found[0]["type"] == "traceroute":
        yield from style.table(*ways(found), limit=60)
        yield ""
    yield from results(style, found)
    if len(found) == 1 and not found[0].get("refused"):
        # One answer alone has room for all that it says.
        yield ""
        yield from card(style, found[0], width)[1:]
    told = in_words(found)
    if told:
        yield ""
        yield from wrapped(style.plain(told), width)


def results(style: Style, found: list[dict[str, Any]]) -> list[str]:
    """Return the table: a line a worker, with the phases as columns."""
    names = list(dict.fromkeys(name for one in found for name in one["phases"]))
    names = names[:MOST_PHASES] if len(names) > 1 else []
    rows = [
        [
            style.mark(said_of(one)),
            one["worker"],
            _spent(one["duration_ms"]),
            *(_spent(one["phases"].get(name)) for name in names),
            Readings(one["readings"]).text("address"),
            _told(one),
        ]
        for one in found
    ]
    titles = ["outcome", "worker", "took", *names, "address", "found"]
    kept = [n for n in range(len(titles)) if any(row[n] for row in rows)]
    colours = [style.colour_of(said_of(one)) for one in found]
    cells = [[row[n] for n in kept] for row in rows]
    return style.table([titles[n] for n in kept], cells, limit=80, colours=colours)


def ways(found: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Return titles and rows of the hops: a line a hop, a column a worker."""
    walks = {one["worker"]: _hops(one) for one in found if not one.get("refused")}
    last = max((max(hops, default=0) for hops in walks.values()), default=0)
    rows = [
        [str(ttl), *(hops.get(ttl, "") for hops in walks.values())]
        for ttl in range(1, last + 1)
    ]
    return ["hop", *walks], rows


def in_words(found: list[dict[str, Any]]) -> str:
    """Return how the first that failed differs from the first that did not."""
    failed = [one for one in found if one["outcome"] == Outcome.FAILED]
    well = [one for one in found if one["outcome"] == Outcome.OK]
    if not failed or len(found) < 2:
        return ""
    other = well or failed[1:]
    healthy = _finding(other[0]) if other else None
    more = len(failed) > (1 if well else 2)
    return difference(_finding(failed[0]), healthy, more=more)


def _finding(one: dict[str, Any]) -> Any:
    """Return a line of the API as what can be compared."""
    result = Result(
        job=0,
        started_at_us=0,
        duration_ms=float(one["duration_ms"] or 0.0),
        outcome=Outcome(one["outcome"]),
        reason=one["reason"],
        detail=one["detail"],
        phases=one["phases"],
        readings=one["readings"],
    )
    return finding_of(safe_text(one["worker"], 63), result)


def _hops(one: dict[str, Any]) -> dict[int, str]:
    """Return each hop of a walk as text: who answered, and the best time."""
    hops = {}
    for table in Readings(one["readings"]).tables("hops"):
        ttl, address = table.number("ttl"), table.text("address") or SILENT
        known = [rtt for rtt in table.numbers("rtts_ms") if rtt is not None]
        if ttl is not None and 0 < ttl <= 255:
            hops[int(ttl)] = f"{address}  {_spent(min(known))}" if known else address
    return hops


def _told(one: dict[str, Any]) -> str:
    if one.get("refused"):
        return f"not asked: {safe_text(one['refused'], 200)}"
    return why(one, 200) or gist(one["type"], one["readings"])


def _spent(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return milliseconds(value)
