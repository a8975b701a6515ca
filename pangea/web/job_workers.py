"""How the workers of a job compare: figures side by side, and small charts."""

from collections.abc import Sequence

from msgspec import Struct

from pangea.core.chart_axis import ceiling
from pangea.core.chart_path import Frame, band, blocks, classed, frame, line
from pangea.core.text import safe_text

from .job_chart import Curve, Graph, x_marks, y_marks
from .job_points import LOSSES, loss_class, percent, seconds
from .job_range import Range, address
from .schema_queries import FiguresAnswer, PartAnswer, PartPoint, PercentilesAnswer
from .text import t
from .words import ms

#: Small charts on a page, and the points of each.
MOST, POINTS = 24, 96
#: Workers whose 95th percentiles lie further apart than this have scales of their own.
APART = 6.0


class FigureRow(Struct, frozen=True):
    """A worker or region: its figures in words; ``bar`` is its p95 of 100."""

    name: str
    region: str
    href: str
    runs: str
    loss: str
    p50: str
    p95: str
    p99: str
    high: str
    css: str
    bar: int


class Small(Struct, frozen=True):
    """A small chart."""

    name: str
    region: str
    href: str
    latency: Graph
    loss: Graph
    words: str


class WorkersView(Struct, frozen=True):
    """The comparison; ``other_scale`` is the address of the same with the other one."""

    workers: list[FigureRow]
    regions: list[FigureRow]
    smalls: list[Small]
    left_out: int
    same: bool
    other_scale: str


def workers_view(
    by_worker: PercentilesAnswer,
    by_region: PercentilesAnswer | None,
    shown: Range,
    path: str,
    scale: str = "",
) -> WorkersView:
    """Return the comparison over what is *shown*; *scale* is ``same`` or ``own``."""
    items = by_worker.items
    tops = [_top(one.points) for one in items]
    same = scale == "same" or (scale != "own" and _is_near(tops))
    whole = max(tops, default=1.0)
    drawn = [
        _small(one, by_worker, shown, path, whole if same else top)
        for one, top in zip(items[:MOST], tops, strict=False)
    ]
    regions = by_region.items if by_region and len(by_region.items) > 1 else []
    other = {"scale": "own" if same else "same"}
    return WorkersView(
        workers=figure_rows(items, shown, path),
        regions=figure_rows(regions, shown, ""),
        smalls=drawn,
        left_out=max(len(items) - MOST, 0),
        same=same,
        other_scale=address(f"{path}/workers", {**shown.query, **other}),
    )


def figure_rows(items: Sequence[PartAnswer], shown: Range, path: str
                ) -> list[FigureRow]:  # fmt: skip
    """Return the figures of *items* in words; with *path* each leads to its chart."""
    most = max((one.p95_ms or 0.0 for one in items), default=0.0) or 1.0
    return [
        FigureRow(
            name=safe_text(one.name, 63),
            region=safe_text(one.region, 63),
            href=address(path, {**shown.query, "worker": one.name}) if path else "",
            runs=str(one.runs),
            loss=_loss_words(one),
            p50=ms(one.p50_ms),
            p95=ms(one.p95_ms),
            p99=ms(one.p99_ms),
            high=ms(one.max_ms),
            css=loss_class(_loss(one)),
            bar=round((one.p95_ms or 0.0) / most * 100),
        )
        for one in items
    ]


def _loss(figures: FiguresAnswer) -> float | None:
    told = figures.failed_pct if figures.loss_pct is None else figures.loss_pct
    return None if told is None else told / 100


def _loss_words(figures: FiguresAnswer) -> str:
    loss = _loss(figures)
    return "–" if loss is None else percent(loss)


def _is_near(tops: Sequence[float]) -> bool:
    return not tops or max(tops) <= min(tops) * APART


def _top(points: Sequence[PartPoint]) -> float:
    known = sorted(p.p99_ms for p in points if p.p99_ms is not None)
    return ceiling(known[int((len(known) - 1) * 0.98)] * 1.02) if known else 1.0


def _small(one: PartAnswer, found: PercentilesAnswer, shown: Range, path: str,
           top: float) -> Small:  # fmt: skip
    starts = [seconds(point.at) for point in one.points]
    at = frame(shown.begin_s, shown.end_s, starts, found.point_s, top)
    lost = [_point_loss(point) for point in one.points]
    words = t("job.small_said", name=safe_text(one.name, 63), p50=ms(one.p50_ms),
              p95=ms(one.p95_ms), loss=_loss_words(one))  # fmt: skip
    return Small(
        name=safe_text(one.name, 63),
        region=safe_text(one.region, 63),
        href=address(path, {**shown.query, "worker": one.name}),
        latency=Graph(_curves(one.points, lost, at), x_marks(shown, 4),
                      y_marks(top, 2), words),
        loss=Graph(_loss_bars(lost, at), [], [], t("job.lost", part=_loss_words(one))),
        words=words,
    )  # fmt: skip


def _curves(points: Sequence[PartPoint], lost: Sequence[float | None], at: Frame
            ) -> list[Curve]:  # fmt: skip
    middle = [p.p50_ms for p in points]
    empty = [0.0 if p.ok + p.failed + p.error else 1.0 for p in points]
    failed = [1.0 if p.failed and not p.ok else 0.0 for p in points]
    drawn = [
        ("gap", blocks(empty, at)),
        ("fail", blocks(failed, at)),
        ("smoke-2", band(middle, [p.p99_ms for p in points], at)),
        ("smoke-3", band(middle, [p.p95_ms for p in points], at)),
        ("p95", line([p.p95_ms for p in points], at)),
    ]
    pieces = classed(middle, [loss_class(x) for x in lost], at)
    drawn += [(f"p50 {css}", d) for css, d in sorted(pieces.items())]
    return [Curve(css, d) for css, d in drawn if d]


def _loss_bars(lost: Sequence[float | None], at: Frame) -> list[Curve]:
    found = []
    for _, css in LOSSES[:-1]:
        d = blocks([x if loss_class(x) == css else None for x in lost], at)
        found += [Curve(css, d)] if d else []
    return found


def _point_loss(point: PartPoint) -> float | None:
    judged = point.ok + point.failed
    return point.failed / judged if judged else None
