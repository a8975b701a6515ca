"""How long a real outage takes to become a verdict, with one worker, two and three.

    python -m tests.bench.detection [plain|skewed] [--targets 50] [--storm 500]
                                    [--spread 40] [--seed 1]

A real coordinator and three real workers on loopback. Of ``tcp`` jobs every 5 s with
a timeout of 2 s, on one, two and three workers each, so many targets are killed
(they refuse) and as many turn into black holes (they answer nothing), each at a
random moment. Then so many others, on two workers, are killed all at once. With
``skewed`` the clocks of two workers are 30 s off, each to its side.

An outage takes from the death of its target until the verdict, which the event of it
tells: pages hear of it up to half a second later, with the next frame. ``own_share``
is of that what no probe was under way, nor a wait that is meant to be.
"""

import argparse
import json
import random
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from pangea.core.confirm import LEAST_PER_S
from pangea.core.model import Job
from pangea.core.tally import REPEAT_AFTER_S

from .figures import Figures, quantile, tell
from .mortal import Mortals, Target
from .nodes import Cluster
from .processes import MEASURED, SERVING, Missing, wait_for

INTERVAL_S, TIMEOUT_S = 5.0, 2.0
WORKERS = ("hel", "nyc", "sgp")
REFUSED, DROPPED, STORM = "refused", "dropped", "storm"
SKEW = {"hel": "+30", "nyc": "-30"}
#: What is beyond this is not late, but missed.
LONGEST_S = 90.0
#: Every worker has probed everything, and knows its clock.
WARM_S = 2 * INTERVAL_S + 2


class Case(NamedTuple):
    """A target that dies: how, who probes it, and when (seconds from the start)."""

    name: str
    target: Target
    how: str
    workers: int
    after_s: float


def main() -> None:
    """Measure once."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument(
        "clocks", nargs="?", default="plain", choices=("plain", "skewed")
    )
    asked.add_argument("--targets", type=int, default=50)
    asked.add_argument("--storm", type=int, default=500)
    asked.add_argument("--spread", type=float, default=40.0)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    tell(lambda: measure(given))


def measure(given: argparse.Namespace) -> Figures:
    """Return how long outages took, and how that is to what is promised."""
    skewed = given.clocks == "skewed"
    plan = dict.fromkeys((2,) if skewed else (1, 2, 3), given.targets)
    storm = 0 if skewed else given.storm
    mortals = Mortals(2 * sum(plan.values()) + storm)
    try:
        cases = list(outages(mortals, plan, given.spread, random.Random(given.seed)))
        with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
            cluster = Cluster(Path(name), [job(case) for case in cases])
            stack.enter_context(cluster.coordinator(MEASURED))
            for number, worker in enumerate(WORKERS):
                env = faked(SKEW[worker]) if skewed and worker in SKEW else {}
                core = (SERVING, MEASURED)[number % 2]
                stack.enter_context(cluster.vantage(worker, core, **env))
            return watch(cluster, mortals, cases)
    finally:
        mortals.close()


def outages(
    mortals: Mortals, plan: dict[int, int], spread_s: float, dice: random.Random
) -> Iterator[Case]:
    """Yield what dies when; the storm comes after all others are over."""
    targets = iter(mortals.targets)
    for workers, count in plan.items():
        for how in (REFUSED, DROPPED):
            for number in range(count):
                name = f"{how}-{workers}-{number}"
                after_s = dice.uniform(0, spread_s)
                yield Case(name, next(targets), how, workers, after_s)
    at = spread_s + bound_s(DROPPED, 1) + 5
    for number, target in enumerate(targets):
        yield Case(f"{STORM}-{number}", target, STORM, 2, at)


def job(case: Case) -> Job:
    """Return the job of a target that will die."""
    return Job(
        id=0,
        name=case.name,
        type="tcp",
        target=case.target.address,
        interval_s=INTERVAL_S,
        timeout_s=TIMEOUT_S,
        on=",".join(WORKERS[: case.workers]),
    )


def watch(cluster: Cluster, mortals: Mortals, cases: list[Case]) -> Figures:
    """Let targets die, and return what became of it."""
    seen = Seen(cluster)
    wait_for(lambda: cluster.verdicts()["up"] == len(cases), 60, "everything is up")
    time.sleep(WARM_S)
    died = dict(kill(mortals, cases))
    wanted = {case.name for case in cases}
    wait_for(lambda: wanted <= seen.down.keys(), LONGEST_S, "all are down")
    took = {name: seen.down[name] - died[name] for name in wanted}
    found = figures(cases, took)
    for alone in (False, True):
        own = [
            own_share_s(cluster, case, seen.down[case.name], died[case.name])
            for case in cases
            if case.how != STORM and (case.workers == 1) is alone
        ]
        name = "alone_share" if alone else "own_share"
        if own:
            found[f"{name}_p50_s"] = median(own)
            found[f"{name}_p95_s"] = quantile(own, 0.95)
            found[f"{name}_worst_s"] = max(own)
    return found


def kill(mortals: Mortals, cases: list[Case]) -> Iterator[tuple[str, float]]:
    """Kill each target at its moment; yield its name and when that was (UTC)."""
    begun = time.monotonic()
    for case in sorted(cases, key=lambda case: case.after_s):
        time.sleep(max(0.0, begun + case.after_s - time.monotonic()))
        (mortals.swallow if case.how == DROPPED else mortals.refuse)(case.target)
        yield case.name, time.time()


class Seen:
    """When each job went down (UTC), from the events, which a thread reads."""

    def __init__(self, cluster: Cluster) -> None:
        self.down: dict[str, float] = {}
        token = (cluster.state_dir / "admin.token").read_text().strip()
        self._request = urllib.request.Request(
            f"http://127.0.0.1:{cluster.port}/api/v1/events?kinds=verdict",
            headers={"Authorization": f"Bearer {token}"},
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with urllib.request.urlopen(self._request, timeout=600) as stream:
            for line in stream:
                if line.startswith(b"data: {"):
                    event = json.loads(line[6:])
                    if event.get("verdict") == "down":
                        self.down.setdefault(event["job"], utc(event["at"]))


def bound_s(how: str, workers: int, storm: int = 0) -> float:
    """Return how long an outage may take at worst."""
    timeout_s = TIMEOUT_S if how == DROPPED else 0.0
    if workers == 1:
        return INTERVAL_S + 4 * timeout_s + 7
    return INTERVAL_S / workers + 2 * timeout_s + 1 + storm / LEAST_PER_S


def usual_s(how: str, workers: int) -> float:
    """Return how long an outage may take in the median."""
    timeout_s = TIMEOUT_S if how == DROPPED else 0.0
    if workers == 1:
        return INTERVAL_S / 2 + 4 * timeout_s + 7
    return INTERVAL_S / 2 / workers + 2 * timeout_s + 1


def figures(cases: list[Case], took: dict[str, float]) -> Figures:
    """Return median and worst of each kind, and both as shares of the bound."""
    found: Figures = {}
    worst, usual = 0.0, 0.0
    kinds = sorted({(case.how, case.workers) for case in cases})
    for how, workers in kinds:
        some = [took[c.name] for c in cases if (c.how, c.workers) == (how, workers)]
        name = how if how == STORM else f"{how}_{workers}"
        found[f"{name}_median_s"] = median(some)
        found[f"{name}_worst_s"] = max(some)
        if how == STORM:
            found["storm_of_bound"] = max(some) / bound_s(REFUSED, 2, len(some))
        else:
            worst = max(worst, max(some) / bound_s(how, workers))
            usual = max(usual, median(some) / usual_s(how, workers))
    return found | {"worst_of_bound": worst, "median_of_bound": usual}


def own_share_s(cluster: Cluster, case: Case, seen: float, died: float) -> float:
    """Return of an outage what was spent neither probing nor waiting on purpose.

    That is from the end of the first failure to the verdict, without the probe that
    confirmed it; what the schedule began by itself was not waited for.
    """
    items = cluster.api("GET", f"/jobs/{case.name}/results?limit=200")["items"]
    runs = sorted(run for item in items if (run := failed_run(item)) and run[1] > died)
    if case.workers == 1:
        asked_for = [run for run in runs[1:] if run[2]][: len(REPEAT_AFTER_S)]
        probing = sum(end - begun for end, begun, _ in (runs[0], *asked_for))
        return seen - runs[0][1] - probing - sum(REPEAT_AFTER_S)
    (first, *_), (end, begun, asked) = runs[0], runs[1]
    return seen - end + (max(0.0, begun - first) if asked else 0.0)


def failed_run(item: dict[str, Any]) -> tuple[float, float, bool] | None:
    """Return when a failed run ended and began (UTC), and whether it was asked for."""
    if item["outcome"] != "failed":
        return None
    begun = utc(item["started_at"])
    return begun + item["duration_ms"] / 1000, begun, "repeat" in item["flags"]


def utc(moment: str) -> float:
    """Return a moment of the API in seconds."""
    return datetime.fromisoformat(moment).timestamp()


def faked(clock: str) -> dict[str, str]:
    """Return the environment in which a process has another wall clock."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        raise Missing("libfaketime is missing: apt-get install faketime")
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": clock,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # Else each wait of a thread for another one takes up to a second.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
    }


if __name__ == "__main__":
    main()
