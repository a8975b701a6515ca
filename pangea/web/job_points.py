"""A step of history in words and in shares: what is lost, what ran, how fast."""

import math
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from pangea.core.chart_path import Value, is_known
from pangea.core.durations import format_duration

from .schema import HistoryAnswer, PointAnswer
from .text import t
from .words import ms, share

#: From this share of lost packets or failed runs on a step has that class.
LOSSES = ((0.2, "loss-3"), (0.05, "loss-2"), (1e-9, "loss-1"), (0.0, "loss-0"))


class PointRow(Struct, frozen=True):
    """A step of the table, in words."""

    iso: str
    at: str
    p50: str
    p95: str
    p99: str
    low: str
    high: str
    loss: str
    runs: str
    css: str


def loss_of(point: PointAnswer) -> Value:
    """Return the share of packets lost, else of runs that failed; None: not known."""
    lost: float | None = getattr(point, "loss_pct", None)
    judged = point.ok + point.failed
    if lost is not None:
        # A run in which nothing came back may have been told without its packets.
        return max(lost / 100, point.failed / judged if judged and not point.ok else 0)
    return point.failed / judged if judged else None


def loss_class(loss: Value) -> str:
    """Return the class that the line has where so much is lost."""
    if loss is None:
        return "loss-0"
    return next(name for least, name in LOSSES if loss >= least)


def has_runs(point: PointAnswer) -> bool:
    """Tell whether anything was measured in a step."""
    return bool(point.ok + point.failed + point.error)


def seconds(iso: str) -> float:
    """Return an RFC 3339 moment in seconds of UTC."""
    return datetime.fromisoformat(iso).timestamp()


def point_row(point: PointAnswer, step_s: float) -> PointRow:
    """Return a step as a line of the table."""
    lost = loss_of(point)
    counts = [
        (point.ok, t("job.runs_ok")),
        (point.failed, t("job.runs_failed")),
        (point.error, t("job.runs_error")),
        (point.missing, t("job.runs_missing")),
    ]
    at = datetime.fromisoformat(point.at)
    return PointRow(
        iso=point.at,
        at=at.strftime("%Y-%m-%d" if step_s >= 86400 else "%Y-%m-%d %H:%M:%S"),
        p50=ms(point.p50_ms),
        p95=ms(point.p95_ms),
        p99=ms(point.p99_ms),
        low=ms(point.min_ms),
        high=ms(point.max_ms),
        loss="–" if lost is None else percent(lost),
        runs=", ".join(f"{n} {word}" for n, word in counts if n),
        css=loss_class(lost),
    )


def percent(value: float) -> str:
    """Return a share in percent that shows a small one and never rounds up to 100."""
    if 0 < value < 0.0001:
        return "<0.01 %"
    return f"{math.floor(value * 10000) / 100:.4g} %"


def spoken(history: HistoryAnswer) -> str:
    """Return a history in words, for who hears the page."""
    points = [point for point in history.points if has_runs(point)]
    known = [p for p in points if is_known(p.p50_ms)]
    failed = sum(1 for p in points if p.failed and p.failed >= p.ok)
    if not points:
        return t("job.nothing")
    if not known:
        return t("job.all_failed", n=len(points))
    medians = sorted(p.p50_ms for p in known if p.p50_ms is not None)
    return t(
        "job.spoken",
        low=ms(medians[0]),
        high=ms(medians[-1]),
        p95=ms(max(p.p95_ms for p in known if p.p95_ms is not None)),
        p99=ms(max(p.p99_ms for p in known if p.p99_ms is not None)),
        n=len(history.points),
        step=format_duration(history.step_s),
        failed=failed,
        uptime=share(history.uptime),
    )


def loss_words(points: Sequence[PointAnswer]) -> str:
    """Return in words how often and how much was lost."""
    lost = [x for x in map(loss_of, points) if x]
    if not lost:
        return t("job.no_loss")
    return t("job.some_loss", n=len(lost), most=percent(max(lost)))
