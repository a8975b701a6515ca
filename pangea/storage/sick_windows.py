"""The stretches in which workers were unwell, and results may still fall into."""

from collections.abc import Iterable

from pangea.core.sickness import FOR_EVER, SickWindow

from .connection import connection


def keep(worker: int, windows: Iterable[SickWindow]) -> None:
    """Put *windows* in the place of all that is known of *worker*."""
    rows = [(worker, _us(w.since), _us(w.until), w.cause) for w in windows]
    connection().execute("DELETE FROM sick_window WHERE worker = ?", (worker,))
    connection().executemany(
        "INSERT INTO sick_window (worker, from_us, until_us, cause)"
        " VALUES (?, ?, ?, ?) ON CONFLICT (worker, from_us) DO UPDATE"
        " SET until_us = excluded.until_us, cause = excluded.cause",
        rows,
    )


def all_of() -> dict[int, list[SickWindow]]:
    """Return the windows of each worker, the oldest first."""
    found: dict[int, list[SickWindow]] = {}
    for worker, from_us, until_us, cause in connection().execute(
        "SELECT worker, from_us, until_us, cause FROM sick_window"
        " ORDER BY worker, from_us"
    ):
        until = until_us / 1e6 if until_us else FOR_EVER
        found.setdefault(worker, []).append(SickWindow(from_us / 1e6, until, cause))
    return found


def _us(moment: float) -> int:
    """Return a moment as it is stored: 0 is for ever."""
    return 0 if moment == FOR_EVER else round(moment * 1e6)
