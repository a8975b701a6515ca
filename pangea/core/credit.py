"""How fast a worker may deliver what waited while the link was down.

New results always come first. What is old may come as fast as the coordinator
stores it, shared fairly, and not at all while it is behind.
"""

#: Rows a second of all backlogs together, and of one; no share is below LEAST.
ALL_ROWS_S = 20_000.0
MOST_ROWS_S = 5_000.0
LEAST_ROWS_S = 50.0
#: Seconds from the arrival of a batch to its commit: up to EASY_S there is no
#: hurry, from LATE_S on backlogs wait.
EASY_S, LATE_S = 0.2, 2.0


def rows_a_second(lag_s: float, sharing: int) -> float:
    """Return what one of *sharing* workers may send, at an ingest lag of *lag_s*."""
    ease = min(max((LATE_S - lag_s) / (LATE_S - EASY_S), 0.0), 1.0)
    if not ease:
        return 0.0
    share = ease * ALL_ROWS_S / max(sharing, 1)
    return min(max(share, LEAST_ROWS_S), MOST_ROWS_S)
