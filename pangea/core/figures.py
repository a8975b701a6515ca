"""What sums say of results: counts, shares and percentiles, as people read them."""

from msgspec import Struct

from .rollup import Bucket


class Figures(Struct, frozen=True, kw_only=True):
    """Figures of a stretch; None where nothing is known, times in milliseconds.

    ``failed_pct`` is the share of good and failed results that failed, ``loss_pct``
    that of packets, ``phases_ms`` are means; times are those of good results.
    """

    runs: int = 0
    ok: int = 0
    failed: int = 0
    error: int = 0
    warn: int = 0
    failed_pct: float | None = None
    loss_pct: float | None = None
    mean_ms: float | None = None
    min_ms: float | None = None
    p50_ms: float | None = None
    p90_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    max_ms: float | None = None
    phases_ms: dict[str, float] = {}


def figures(bucket: Bucket) -> Figures:
    """Return what *bucket* says."""
    timed, beside = bucket.is_timed, bucket.beside
    p50, p90, p95, p99 = map(_ms, bucket.quantiles((0.5, 0.9, 0.95, 0.99)))
    return Figures(
        runs=bucket.count,
        ok=bucket.ok,
        failed=bucket.failed,
        error=bucket.error,
        warn=bucket.warn,
        failed_pct=percent(bucket.failed, bucket.ok + bucket.failed),
        loss_pct=beside.loss_pct if beside else None,
        mean_ms=_ms(bucket.mean_us),
        min_ms=_ms(bucket.min_us) if timed else None,
        p50_ms=p50,
        p90_ms=p90,
        p95_ms=p95,
        p99_ms=p99,
        max_ms=_ms(bucket.max_us) if timed else None,
        phases_ms=beside.phases_ms if beside else {},
    )


def percent(part: int, whole: int) -> float | None:
    """Return a share in percent; None of nothing."""
    return round(100 * part / whole, 4) if whole else None


def _ms(value_us: float | None) -> float | None:
    return None if value_us is None else round(value_us / 1000, 3)
