"""How every bench tells what it measured: a table for people, JSON for the rest."""

import asyncio
import inspect
import json
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

from .processes import Missing

Figures = dict[str, float]


def tell(measure: Callable[[], Any]) -> None:
    """Measure; print a table on standard error and JSON on standard output."""
    try:
        measured = measure()
        if inspect.iscoroutine(measured):
            measured = asyncio.run(measured)
    except Missing as lack:
        print(f"skipped: {lack}", file=sys.stderr)
        measured = {"skipped": str(lack)}
    else:
        for name, value in measured.items():
            print(f"{name:28} {value:>14,.3f}", file=sys.stderr)
    print(json.dumps(measured))


def medians(rounds: Sequence[Figures]) -> Figures:
    """Return the median of each figure over *rounds*."""
    return {name: median(one[name] for one in rounds) for name in rounds[0]}


def quantile(values: Iterable[float], share: float) -> float:
    """Return the smallest value that *share* of them do not pass; NaN of none."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
