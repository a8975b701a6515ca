"""The list of incidents: what of them is asked for, and what is found."""

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Any, get_args
from urllib.parse import urlencode

from aiohttp import web
from msgspec import Struct

from pangea.core.errors import NotFound, UsageError
from pangea.core.maintenance import zone_of
from pangea.core.moments import parse_moment
from pangea.core.text import safe_text

from .api_incidents import CauseKind, IncidentsQuery, State, incidents_of
from .asked import moment_us
from .incident_view import IncidentRow, incident_row
from .keys import SITE, who_is
from .look import look_of
from .text import t

#: Open ones on the first page, and lines of a page of those that are over.
MOST_OPEN, ON_A_PAGE = 200, 50
#: How far back the list goes, the usual one first.
SINCE = ("7d", "24h", "30d", "90d", "365d", "all")
#: What is shown, by its word in the address: which parts, and which state alone.
WHICH: dict[str, tuple[bool, bool, State | None]] = {
    "all": (True, True, None),
    "open": (True, False, None),
    "unacknowledged": (True, False, "open"),
    "acknowledged": (True, False, "acknowledged"),
    "over": (False, True, "closed"),
    "retracted": (False, True, "retracted"),
}
CAUSES: tuple[CauseKind, ...] = get_args(CauseKind)


class Filter(Struct, frozen=True, kw_only=True):
    """What of the incidents is asked for, as the address has it."""

    q: str
    job: str
    cause: CauseKind | None
    state: str
    since: str
    begin: str
    end: str
    zone: str
    cursor: str

    @property
    def query(self) -> dict[str, str]:
        """Return what of it is not as usual, as it stands in an address."""
        said = {
            "q": self.q,
            "job": self.job,
            "cause": self.cause or "",
            "state": "" if self.state == "all" else self.state,
            "since": "" if self.since == SINCE[0] else self.since,
            "from": self.begin,
            "to": self.end,
            "zone": self.zone if self.begin or self.end else "",
        }
        return {name: text for name, text in said.items() if text}

    def asks(self, **more: Any) -> IncidentsQuery:
        """Return the question to the service."""
        q, job = self.q or None, self.job or None
        state = WHICH[self.state][2]
        return IncidentsQuery(q=q, job=job, cause=self.cause, state=state, **more)


class Choice(Struct, frozen=True):
    """One of a select."""

    value: str
    words: str
    on: bool


class Incidents(Struct, frozen=True, kw_only=True):
    """The list: what is ``open`` (on its first page), and then what is over.

    None is a part that was not asked for. ``more`` is the address of the next page,
    "" after the last.
    """

    open: list[IncidentRow] | None
    over: list[IncidentRow] | None
    asked: Filter
    narrowed: bool
    states: list[Choice]
    causes: list[Choice]
    ranges: list[Choice]
    zone: str
    more: str
    wrong: str


async def incident_list(request: web.Request, now: str) -> Incidents:
    """Return what the address asks for; ``wrong`` says why that cannot be."""
    asked, here = _filter(request.query), look_of(request).clocks
    zone = "" if here is UTC else str(here)
    try:
        return await _found(request, asked, now, zone)
    except (NotFound, UsageError) as error:
        said = f"{error} ({error.hint})" if error.hint else str(error)
        return _view(None, None, asked, now, zone, wrong=safe_text(said, 300))


def _filter(query: Mapping[str, str]) -> Filter:
    def text(name: str, most: int = 63) -> str:
        return safe_text(query.get(name, "").strip(), most)

    since, state, cause = query.get("since"), query.get("state"), query.get("cause")
    return Filter(
        q=text("q", 200),
        job=text("job"),
        cause=next((kind for kind in CAUSES if kind == cause), None),
        state=state if state in WHICH else "all",
        since=since if since in SINCE else SINCE[0],
        begin=text("from"),
        end=text("to"),
        zone=text("zone", 64),
        cursor=query.get("cursor", "")[:100],
    )


async def _found(request: web.Request, asked: Filter, now: str, zone: str) -> Incidents:
    service, org = incidents_of(request), who_is(request).org
    since, until = _stretch(asked, request.app[SITE].wall())
    has_open, has_over, _ = WHICH[asked.state]
    open_, over, more = None, None, ""
    if has_open and not asked.cursor:
        query = asked.asks(open=True, limit=MOST_OPEN)
        open_ = (await service.incidents(org, query, None, until)).items
    if has_over:
        query = asked.asks(limit=ON_A_PAGE, cursor=asked.cursor or None)
        page = await service.incidents(org, query, since, until)
        over = [one for one in page.items if one.closed_at is not None]
        more = page.next or ""
    return _view(open_, over, asked, now, zone, more=more)


def _stretch(asked: Filter, now: float) -> tuple[int | None, int | None]:
    """Return from when until when, in microseconds; None is open. Raises UsageError."""
    zone: tzinfo = zone_of(asked.zone) if asked.zone else UTC
    until = _us(asked.end, now, zone) if asked.end else None
    if asked.begin:
        begin = _us(asked.begin, now, zone)
        if until is not None and begin >= until:
            raise UsageError("from must be before to")
        return begin, until
    if until is not None or asked.since == "all":
        return None, until
    return moment_us(asked.since, now, "since"), None


def _us(text: str, now: float, zone: tzinfo) -> int:
    return round(parse_moment(text, now, zone) * 1e6)


def _view(
    open_: list[Any] | None,
    over: list[Any] | None,
    asked: Filter,
    now: str,
    zone: str,
    *,
    more: str = "",
    wrong: str = "",
) -> Incidents:
    further = urlencode({**asked.query, "cursor": more})
    return Incidents(
        open=None if open_ is None else [incident_row(one, now) for one in open_],
        over=None if over is None else [incident_row(one, now) for one in over],
        asked=asked,
        narrowed=bool(asked.query or asked.cursor),
        states=[Choice(w, t(f"incidents.which_{w}"), w == asked.state) for w in WHICH],
        causes=[
            Choice("", t("incidents.any_cause"), asked.cause is None),
            *(Choice(k, t(f"incidents.cause_{k}"), k == asked.cause) for k in CAUSES),
        ],
        ranges=[Choice(s, t(f"incidents.since_{s}"), s == asked.since) for s in SINCE],
        zone=asked.zone if asked.begin or asked.end else zone,
        more=f"/incidents?{further}" if more else "",
        wrong=wrong,
    )
