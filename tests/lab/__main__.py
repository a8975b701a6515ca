"""``python -m tests.lab --seed 1 --rounds 50``: run the lab and print its report."""

import argparse
import sys
import time
from pathlib import Path

from tests.lab.checker import WRITTEN_S
from tests.lab.faults import FAULTS, KILLS
from tests.lab.fleet import ROOT
from tests.lab.run import Plan, run, summary


def main() -> int:
    """Run; 1 if anything is not accounted for."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--only", default="", help=f"of {' '.join(FAULTS)}, or kills")
    parser.add_argument("--every", type=int, default=20, help="rounds between counts")
    parser.add_argument(
        "--written", type=float, default=WRITTEN_S, help="s until a result is safe"
    )
    parser.add_argument("--source", type=Path, default=ROOT, help="checkout to run")
    parser.add_argument("--place", type=Path, help="for logs (build/lab/…)")
    given = parser.parse_args()
    only = tuple(filter(None, given.only.split(",")))
    plan = Plan(
        seed=given.seed,
        rounds=given.rounds,
        only=KILLS if only == ("kills",) else only,
        every=given.every,
        written_s=given.written,
    )
    stamp = time.strftime("%Y%m%dT%H%M%S")
    place = given.place or ROOT / "build" / "lab" / f"{stamp}-seed-{given.seed}"
    outcome = run(plan, place.absolute(), _say, given.source.absolute())
    print(summary(outcome))
    print(f"logs and report.json: {place}")
    return 0 if outcome.good else 1


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
