"""A seeded run of the lab: faults, then the accounting, round after round."""

import json
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.lab import ledger
from tests.lab.checker import WRITTEN_S, Report, check, never_down
from tests.lab.faults import Nemesis, Round, draw
from tests.lab.fleet import ROOT, fleet, now_us

WORKERS = ("w1", "w2")
#: What is not there so long after everything was healed is lost.
SETTLE_S = 45.0
Say = Callable[[str], None]


class Plan(Struct, frozen=True, kw_only=True):
    """What a run does: everything but real time follows from it."""

    seed: int
    rounds: int
    only: tuple[str, ...] = ()
    every: int = 20
    written_s: float = WRITTEN_S
    workers: tuple[str, ...] = WORKERS


class Outcome(Struct):
    """What a run found; ``trouble`` is what ended it early, or ""."""

    plan: Plan
    done: int = 0
    seconds: float = 0.0
    by_fault: dict[str, int] = {}
    report: Report = msgspec.field(default_factory=Report)
    trouble: str = ""

    @property
    def good(self) -> bool:
        """Whether all is accounted for."""
        return not self.report.faults and not self.trouble


def run(plan: Plan, place: Path, say: Say = print, source: Path = ROOT) -> Outcome:
    """Run *plan* in *place*, where the logs and ``report.json`` stay.

    What is not accounted for leaves the databases of all nodes in ``kept``.
    """
    outcome, begun = Outcome(plan), time.monotonic()
    with fleet(place, *plan.workers, source=source) as made:
        made.start()
        nemesis, down = Nemesis(made), list[tuple[str, str]]()
        try:
            for one in draw(plan.seed, plan.rounds, plan.workers, plan.only):
                _round(nemesis, one, outcome, say)
                down += made.verdicts().items()
                if one.number % plan.every == 0 or one.number == plan.rounds:
                    outcome.report = account(nemesis, plan.written_s, down)
                    say(told(outcome.report))
                    if outcome.report.faults:
                        # The file systems of the nodes go with their hosts.
                        shutil.copytree(place / "state", place / "kept")
                        break
        except AssertionError as error:
            outcome.trouble = str(error)
    outcome.seconds = round(time.monotonic() - begun, 1)
    written = msgspec.json.format(msgspec.json.encode(outcome))
    (place / "report.json").write_bytes(written)
    return outcome


def account(
    nemesis: Nemesis,
    written_s: float = WRITTEN_S,
    down: Iterable[tuple[str, str]] = (),
) -> Report:
    """Heal everything, and compare until all is there or nothing more will come."""
    made = nemesis.fleet
    nemesis.heal()
    until_us, patience = now_us(), time.monotonic() + SETTLE_S
    while True:
        time.sleep(2.0)
        report = _compare(nemesis, until_us, written_s)
        late = time.monotonic() > patience
        if late or not report.faults or report.counts.keys() - {"lost"}:
            break
    never_down([*ledger.transitions(made), *down], report)
    return report


def _compare(nemesis: Nemesis, until_us: int, written_s: float) -> Report:
    made = nemesis.fleet
    seen = ledger.seen(made, until_us)
    return check(
        seen,
        ledger.stored(made, seen),
        gaps=ledger.gaps(made),
        deaths=made.deaths,
        bent_us=nemesis.bent_us,
        written_s=written_s,
    )


def _round(nemesis: Nemesis, one: Round, outcome: Outcome, say: Say) -> None:
    begun = time.monotonic()
    more = nemesis.do(one)
    outcome.done = one.number
    outcome.by_fault[one.fault] = outcome.by_fault.get(one.fault, 0) + 1
    spent = time.monotonic() - begun
    say(f"{one.number:4} {spent:5.1f} s  {one}{more and f': {more}'}")


def told(report: Report) -> str:
    """Return a report as lines."""
    lines = [
        f"     seen {report.seen}, stored {report.stored}, in gaps {report.in_gaps},"
        f" cut short by a kill {report.in_flight},"
        f" clock off by {report.worst_error_ms:.0f} ms at worst,"
        f" outcomes {json.dumps(report.outcomes)}",
        *(f"     FAULT {fault}" for fault in report.faults),
    ]
    return "\n".join(lines)


def summary(outcome: Outcome) -> str:
    """Return the last lines of a run."""
    plan = outcome.plan
    again = f"make lab SEED={plan.seed} ROUNDS={plan.rounds}"
    if plan.only:
        again += f" ONLY={','.join(plan.only)}"
    verdict = "every run is accounted for" if outcome.good else "NOT accounted for"
    why = f" ({outcome.trouble})" if outcome.trouble else ""
    return (
        f"seed {plan.seed}: {outcome.done} rounds in {outcome.seconds:.0f} s,"
        f" {json.dumps(outcome.by_fault)}: {verdict}{why}\nagain: {again}"
    )
