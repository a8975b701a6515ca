"""The list of workers as finished view data."""

from collections.abc import Sequence
from urllib.parse import quote

from msgspec import Struct

from pangea.core.durations import clock_words
from pangea.core.text import safe_text

from .concerns_view import ConcernsView, concerns_view
from .place import Refused
from .schema import StatusAnswer, WorkerAnswer
from .text import t
from .token_view import Minted, TokenForm, TokenRow
from .view import page_title
from .words import CELLS, Badge, When, clock, ms, when


class WorkerRow(Struct, frozen=True):
    """A worker in the list; ``href`` is where its forms go, by its id.

    ``ill`` is its health if that is worth a line beside the badge.
    """

    name: str
    id: str
    href: str
    region: str
    badge: Badge
    health: str
    ill: str
    seen: When | None
    offset: str
    rtt: str
    lag: str
    spool: int
    jobs: int
    version: str
    lacks: list[str]
    notices: list[str]
    can_approve: bool
    can_remove: bool


class WaitingRow(Struct, frozen=True):
    """A worker that waits for a person."""

    name: str
    id: str
    href: str
    seen: When | None
    notices: list[str]


class WorkersView(Struct, frozen=True):
    """All of /workers."""

    now: str
    now_clock: str
    title: str
    worst: str
    rows: list[WorkerRow]
    waiting: list[WaitingRow]
    trouble: list[str]
    concerns: ConcernsView
    join: list[str]
    join_secret: list[str]
    loopback: bool
    event: int
    still: bool
    refused: Refused | None
    tokens: list[TokenRow]
    minted: Minted | None
    spec: TokenForm


def workers_view(
    status: StatusAnswer,
    workers: Sequence[WorkerAnswer],
    event: int,
    refused: Refused | None,
    tokens: list[TokenRow],
    minted: Minted | None,
    spec: TokenForm,
) -> WorkersView:
    """Return everything that /workers prints; *minted* is told this once."""
    return WorkersView(
        now=status.now,
        now_clock=clock(status.now),
        title=f"{t('workers.page_title')} · {page_title(status)}",
        worst=next((v for v in ("down", "degraded") if status.verdicts.get(v)), "up"),
        rows=[worker_row(w, status.now) for w in workers if w.state != "pending"],
        waiting=[_waiting(w, status.now) for w in workers if w.state == "pending"],
        trouble=[safe_text(line, 400) for line in status.trouble],
        concerns=concerns_view(status),
        join=[safe_text(line, 1000) for line in status.join],
        join_secret=[safe_text(line, 1000) for line in status.join_secret],
        loopback=status.only_here,
        event=event,
        still=refused is not None or minted is not None,
        refused=refused,
        tokens=tokens,
        minted=minted,
        spec=spec,
    )


def worker_row(worker: WorkerAnswer, now: str) -> WorkerRow:
    """Return a worker as a line of the list."""
    approved = worker.state == "approved"
    return WorkerRow(
        name=safe_text(worker.name, 63),
        id=worker.id,
        href=_href(worker),
        region=safe_text(worker.region, 40),
        badge=_badge(worker),
        health=safe_text(worker.health, 120),
        ill=""
        if worker.health in ("well", "revoked")
        else safe_text(worker.health, 120),
        seen=when(worker.last_seen, now),
        # What the API tells is what to add to its clock.
        offset=_clock(worker.offset_ms),
        rtt=ms(worker.rtt_ms),
        lag=ms(worker.lag_ms),
        spool=worker.spool,
        jobs=worker.jobs,
        # Which commit it is, its own page tells: 0.1.0.dev7+g0a1b2c3 is long.
        version=safe_text(worker.version.partition("+")[0], 40),
        lacks=[
            f"{safe_text(what, 30)}: {safe_text(reason, 200)}"
            for what, reason in worker.lacks.items()
        ],
        notices=[safe_text(line, 300) for line in worker.notices],
        can_approve=approved and not worker.trusted,
        can_remove=not worker.connected,
    )


def _clock(offset_ms: float | None) -> str:
    """Return how a worker's clock goes; less than a millisecond is nothing."""
    if offset_ms is None:
        return "–"
    close = abs(offset_ms) < 1
    return t("workers.in_sync") if close else clock_words(-offset_ms / 1000)


def _badge(worker: WorkerAnswer) -> Badge:
    """Return whether it is here and by which way, and what else is to be known."""
    if worker.state != "approved":
        return Badge(CELLS["failed"][0], t("workers.revoked"), "paused")
    said = t("workers.connected" if worker.connected else "workers.not_connected")
    if worker.connected and (worker.path or "").startswith("via "):
        said = t("workers.connected_via", path=safe_text(worker.path or "", 70))
    marks = [
        *[t("workers.mark_untrusted")] * (not worker.trusted),
        *[t("workers.mark_draining")] * worker.draining,
    ]
    glyph, css = ("●", "up") if worker.connected else (CELLS["failed"][0], "down")
    return Badge(glyph, ", ".join([said, *marks]), css)


def _waiting(worker: WorkerAnswer, now: str) -> WaitingRow:
    # What it would be told to do on the command line are the buttons here.
    notices = [line for line in worker.notices if "worker approve" not in line]
    return WaitingRow(
        name=safe_text(worker.name, 63),
        id=worker.id,
        href=_href(worker),
        seen=when(worker.last_seen, now),
        notices=[safe_text(line, 300) for line in notices],
    )


def _href(worker: WorkerAnswer) -> str:
    return f"/workers/{quote(worker.id, safe='')}"
