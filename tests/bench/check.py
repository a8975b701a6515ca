"""Compares build/bench.json with what must hold; 1 if something does not.

    make bench-check                    all that is promised
    make bench-check ARGS="worker"      of the benches whose names begin so

A figure that was not measured is a miss. One that the machine lacks a program
for is told, and a miss only with PANGEA_TEST_ALL=1.
"""

import json
import os
import sys
from typing import Any

from .__main__ import FILE
from .musts import MUSTS, Must

MISS = {"MISS", "not measured", "broken"}


def main(given: list[str]) -> int:
    """Print each promise with what was measured; return 1 if one is broken."""
    if not FILE.exists():
        print(f"there is no {FILE}: run `make bench` first", file=sys.stderr)
        return 1
    benches = json.loads(FILE.read_text())["benches"]
    chosen = [
        m for m in MUSTS if not given or any(m.bench.startswith(g) for g in given)
    ]
    chosen = [must.on(figures_of(must, benches)) for must in chosen]
    judged = [(must, *judge(must, benches)) for must in chosen]
    for must, word, value in judged:
        sign = "≥" if must.at_least else "≤"
        wanted = f"{sign} {round(must.limit, 2):,g}"
        name = f"{must.bench} {must.figure}"
        print(f"{word:14} {name:44} {value:>12}  {wanted:12} {must.row}: {must.says}")
    misses = sum(word in MISS for _, word, _ in judged)
    print(f"{len(judged) - misses} of {len(judged)} hold")
    return 1 if misses or not judged else 0


def figures_of(must: Must, benches: dict[str, Any]) -> dict[str, Any]:
    """Return what the bench of *must* has measured."""
    figures: dict[str, Any] = benches.get(must.bench, {}).get("figures", {})
    return figures


def judge(must: Must, benches: dict[str, Any]) -> tuple[str, str]:
    """Return a word for how *must* stands, and the value that was measured."""
    figures = figures_of(must, benches)
    if "skipped" in figures:
        everything = os.environ.get("PANGEA_TEST_ALL") == "1"
        return ("broken" if everything else "skipped"), figures["skipped"]
    value = figures.get(must.figure)
    if not isinstance(value, int | float):
        return "not measured", "-"
    if not must.holds(value):
        return "MISS", f"{value:,.3f}"
    return ("stretch" if must.is_stretch(value) else "ok"), f"{value:,.3f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
