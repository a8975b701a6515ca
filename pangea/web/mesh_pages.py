"""The mesh as a grid: how each worker sees each other one, also as a list."""

from collections.abc import Sequence

from aiohttp import web
from msgspec import Struct

from pangea.core.errors import NotFound
from pangea.core.peer_stats import NO_ADDRESS
from pangea.core.text import safe_text

from .api_mesh import MESH_SERVICE, MeshAnswer
from .place import Visit
from .route import Route
from .text import t
from .words import When, ms, share, when

#: Workers in the grid, and directions in the list.
MOST, MOST_ROWS = 60, 500
#: From which round trip on, in milliseconds, a cell is one step warmer.
HEAT = (2.0, 20.0, 60.0, 120.0, 250.0)
#: From which loss on a direction is worth a word.
LOSSY = 0.01


class MeshCell(Struct, frozen=True):
    """A direction: round trip, sign and all of it in ``words``; ``css`` its heat."""

    text: str
    sign: str
    words: str
    css: str


class MeshLine(Struct, frozen=True):
    """The directions from one worker."""

    source: str
    cells: list[MeshCell]


class MeshRow(Struct, frozen=True):
    """A direction in the list."""

    source: str
    target: str
    rtt: str
    loss: str
    path: str
    at: When | None
    said: str
    css: str


class MeshView(Struct, frozen=True):
    """All of the page."""

    names: list[str]
    lines: list[MeshLine]
    cuts: list[MeshRow]
    rows: list[MeshRow]
    left_out: int


def mesh_view(pairs: Sequence[MeshAnswer], now: str) -> MeshView:
    """Return the grid; what is cut is first in the list."""
    known = {(pair.source, pair.target): pair for pair in pairs}
    names = sorted({name for key in known for name in key})
    shown = names[:MOST]
    ordered = sorted(pairs, key=lambda p: (not p.one_way, p.rtt_ms is not None))
    rows = [_row(pair, now) for pair in ordered]
    return MeshView(
        names=[safe_text(name, 63) for name in shown],
        lines=[
            MeshLine(
                safe_text(one, 63),
                [_cell(one, other, known.get((one, other))) for other in shown],
            )
            for one in shown
        ],
        cuts=[row for row, pair in zip(rows, ordered, strict=True) if pair.one_way],
        rows=rows[:MOST_ROWS],
        left_out=max(len(names) - MOST, 0),
    )


def _cell(one: str, other: str, pair: MeshAnswer | None) -> MeshCell:
    if one == other:
        return MeshCell("", "", "", "self")
    way = safe_text(f"{one} → {other}", 140)
    if pair is None:
        return MeshCell("·", "", t("mesh.cell_none", way=way), "none")
    if _deaf(pair):
        return MeshCell("", "○", t("mesh.cell_off", way=way), "off")
    if pair.rtt_ms is None:
        sign = "⇥" if pair.one_way else "✖"
        word = "mesh.cell_one_way" if pair.one_way else "mesh.cell_cut"
        return MeshCell("", sign, t(word, way=way, why=_why(pair)), "cut")
    said = [t("mesh.cell_rtt", way=way, rtt=ms(pair.rtt_ms))]
    if pair.loss >= LOSSY:
        said.append(t("mesh.cell_loss", loss=share(pair.loss)))
    if _relayed(pair):
        said.append(safe_text(pair.path or "", 80))
    sign = "⇥" if pair.one_way else "▲" if pair.loss >= LOSSY else ""
    sign += "↷" if _relayed(pair) else ""
    heat = sum(pair.rtt_ms >= step for step in HEAT)
    return MeshCell(ms(pair.rtt_ms), sign, ", ".join(said), f"heat-{heat}")


def _deaf(pair: MeshAnswer) -> bool:
    """Tell whether there is no link since nobody may dial the other: no fault."""
    return pair.rtt_ms is None and pair.path is None and pair.reason == NO_ADDRESS


def _relayed(pair: MeshAnswer) -> bool:
    return (pair.path or "").startswith("via ")


def _why(pair: MeshAnswer) -> str:
    return safe_text(pair.reason, 200) or t("mesh.no_link")


def _row(pair: MeshAnswer, now: str) -> MeshRow:
    cut = pair.one_way or pair.rtt_ms is None
    lossy = pair.loss >= LOSSY
    off = _deaf(pair)
    return MeshRow(
        source=safe_text(pair.source, 63),
        target=safe_text(pair.target, 63),
        rtt=ms(pair.rtt_ms),
        loss="–" if off else share(pair.loss),
        path=safe_text(pair.path or "–", 80),
        at=when(pair.at, now),
        said=t("mesh.one_way", why=_why(pair)) if pair.one_way else _fault(pair),
        css="off" if off else "down" if cut else "degraded" if lossy else "up",
    )


def _fault(pair: MeshAnswer) -> str:
    if pair.reason == NO_ADDRESS:  # nothing is wrong if the other one dials
        return t("mesh.off") if pair.rtt_ms is None else ""
    return _why(pair) if pair.rtt_ms is None else safe_text(pair.reason, 200)


async def mesh_page(request: web.Request) -> web.StreamResponse:
    """GET /mesh-view : the grid and the list."""
    visit, service = Visit(request), request.app.get(MESH_SERVICE)
    if service is None:
        raise NotFound("this coordinator keeps no mesh")
    pairs = await service.pairs(visit.who.org)
    view = mesh_view(pairs, await visit.now())
    return await visit.page("mesh.html", t("mesh.title"), view)


MESH_PAGES: list[Route] = [
    Route(
        method="GET",
        path="/mesh-view",
        handler=mesh_page,
        summary="How the workers see each other",
        page=True,
    )
]
