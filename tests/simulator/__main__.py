"""Judge invented networks, and count false pages and missed outages.

    python -m tests.simulator [--seeds 1000] [--workers 1,2,3,5] [--off confirm,expiry]

Prints a table for Pangea and for three other rules on the very same events, then what
becomes of it with each mechanism switched off. Ends with 1 if Pangea told of an outage
that was none, or did not tell of one in time; --explain tells each of them.
"""

import argparse
import itertools
import json
import logging
import os
import statistics
import sys
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from .baselines import BASELINES
from .cluster import MECHANISMS, life_of
from .score import Score, pages_in, score, stuck
from .world import Plan, World

PANGEA = "Pangea"
#: With a mechanism off, so many of the seeds are enough to show what it is for.
WITHOUT_SHARE = 2
#: One of so many worlds is a mixed one.
MIXED_EACH = 10
Scores = dict[str, Score]


def main() -> int:
    """Run all, print the tables, and return the exit code."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--seeds", type=int, default=1000, help="how many worlds")
    asked.add_argument("--first", type=int, default=0, help="the first seed")
    asked.add_argument("--workers", default="1,2,3,5", help="how many workers")
    asked.add_argument("--off", default="each", help="each, none, or mechanisms")
    asked.add_argument("--explain", action="store_true", help="tell every fault")
    asked.add_argument("--out", type=Path, help="write the figures as JSON")
    given = asked.parse_args()
    logging.disable(logging.CRITICAL)  # doubts of a thousand coordinators
    sizes = [int(size) for size in given.workers.split(",")]
    seeds = range(given.first, given.first + given.seeds)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        whole = {size: _all(pool, seeds, size, (), others=True) for size in sizes}
        for size, scores in whole.items():
            _show(size, scores)
        without = _without(pool, seeds, sizes, _mechanisms(given.off))
    mine = [scores[PANGEA] for scores in whole.values()]
    faults = list(itertools.chain(*(s.false + s.missed for s in mine)))
    for line in faults if given.explain else faults[:20]:
        print(line, file=sys.stderr)
    if given.out:
        given.out.write_text(json.dumps(_figures(whole, without), indent=1))
    return 1 if faults else 0


def _mechanisms(off: str) -> Sequence[str]:
    if off == "none":
        return ()
    return MECHANISMS if off == "each" else off.split(",")


def _without(
    pool: ProcessPoolExecutor,
    seeds: Sequence[int],
    sizes: Iterable[int],
    mechanisms: Sequence[str],
) -> dict[str, dict[int, Score]]:
    """Return, and show, what happens with each mechanism switched off in turn."""
    few = seeds[: max(1, len(seeds) // WITHOUT_SHARE)]
    sizes = list(sizes)
    found: dict[str, dict[int, Score]] = {}
    if mechanisms:
        heads = "".join(f"{size:>10} workers" for size in sizes)
        print(f"\n{len(few)} worlds each, false + missed\n{'without':14}{heads}")
    for name in mechanisms:
        found[name] = {
            size: _all(pool, few, size, (name,), others=False)[PANGEA] for size in sizes
        }
        cells = [f"{len(s.false)} + {len(s.missed)}" for s in found[name].values()]
        print(f"{name:14}" + "".join(f"{cell:>18}" for cell in cells), flush=True)
    return found


def _all(
    pool: ProcessPoolExecutor,
    seeds: Iterable[int],
    size: int,
    off: Collection[str],
    *,
    others: bool,
) -> Scores:
    total: Scores = {}
    one = partial(judged, size=size, off=off, others=others)
    for number, scores in enumerate(pool.map(one, seeds, chunksize=4), 1):
        for who, its in scores.items():
            total[who] = total.get(who, Score()) + its
        if number % 50 == 0 and sys.stderr.isatty():
            print(f"\r{size} workers: {number} worlds", end="", file=sys.stderr)
    return total


def judged(seed: int, *, size: int, off: Collection[str], others: bool) -> Scores:
    """Return the scores of one world; in each tenth many faults fall together."""
    world = World(seed, Plan(size, mixed=seed % MIXED_EACH == MIXED_EACH - 1))
    told, who = life_of(world, off), f"{size} workers,"
    mine = score(world, pages_in(told), who) + stuck(world, told, who)
    scores = {PANGEA: mine}
    for who, rule in BASELINES.items() if others else ():
        pages = [page for target in world.outages for page in rule(world, target)]
        scores[who] = score(world, pages, who)
    return scores


def _show(size: int, scores: Scores) -> None:
    print(f"\n{size} workers{'outages':>19}{'false':>8}{'missed':>8}", end="")
    print(f"{'delay p50':>12}{'p99':>8}{'of the bound':>14}")
    for who, its in scores.items():
        print(f"{who:20}{its.outages:8}{len(its.false):8}{len(its.missed):8}", end="")
        if its.seconds:
            print(f"{statistics.median(its.seconds):10.1f} s{_p99(its):6.1f} s", end="")
            print(f"{max(its.shares):13.0%}", end="")
        print(flush=True)


def _p99(its: Score) -> float:
    return sorted(its.seconds)[int(0.99 * (len(its.seconds) - 1))]


def _figures(
    whole: dict[int, Scores], without: dict[str, dict[int, Score]]
) -> dict[str, object]:
    """Return all that was counted, to be kept."""

    def told(its: Score) -> dict[str, object]:
        figures: dict[str, object] = {"outages": its.outages}
        figures |= {"false": len(its.false), "missed": len(its.missed)}
        if its.seconds:
            figures |= {"p50_s": statistics.median(its.seconds), "p99_s": _p99(its)}
        return figures

    return {
        "rules": {
            size: {who: told(its) for who, its in scores.items()}
            for size, scores in whole.items()
        },
        "without": {
            name: {size: told(its) for size, its in sizes.items()}
            for name, sizes in without.items()
        },
    }


if __name__ == "__main__":
    raise SystemExit(main())
