"""How others judge, on the very same events.

The rules are told in words by their documents and code: Uptime Kuma looks from one
place and tries again before it tells; OpenStatus takes the last status of each place
and tells when half of them fail; and many dashboards show the worst child.
"""

import heapq
from collections.abc import Iterator
from typing import NamedTuple

from pangea.core.phase import worker_phase

from .world import Kind, World

#: Uptime Kuma: so many further tries, so long after each failure.
RETRIES, RETRY_S = 3, 20.0


class Page(NamedTuple):
    """Somebody is told that a target is down."""

    target: int
    at: float


class Seen(NamedTuple):
    """What one worker found: when it was known, and whether it was good."""

    at: float
    worker: int
    good: bool


def results(world: World, target: int) -> Iterator[Seen]:
    """Yield what all workers find by their schedule, in the order of knowing."""
    plan, heap = world.plan, []
    for worker in range(1, plan.workers + 1):
        phase = worker_phase(target, plan.interval_s, worker - 1, plan.workers)
        heap.append((phase, worker))
    heapq.heapify(heap)
    found: list[Seen] = []
    while heap[0][0] < plan.lasts_s:
        moment, worker = heapq.heappop(heap)
        heapq.heappush(heap, (moment + plan.interval_s, worker))
        # Who cannot reach its server tells nothing: these rules know no late news.
        if world.worker(worker, moment) in (Kind.CUT, Kind.DEAD):
            continue
        answer = world.probe(worker, target, moment)
        found.append(Seen(moment + answer.took_s, worker, answer.outcome == "ok"))
    yield from sorted(found)


def one_place(world: World, target: int) -> Iterator[Page]:
    """Uptime Kuma: its server stands where worker 1 stands."""
    plan, down, failures = world.plan, False, 0
    moment = worker_phase(target, plan.interval_s, 0, 1)
    while moment < plan.lasts_s:
        if world.worker(1, moment) is Kind.DEAD:
            moment += plan.interval_s
            continue
        answer = world.probe(1, target, moment)
        moment += answer.took_s
        if answer.outcome == "ok":
            down, failures = False, 0
        elif not down:
            failures += 1
            if failures > RETRIES:
                down = True
                yield Page(target, moment)
        waits = RETRY_S if failures and not down else plan.interval_s
        moment += max(0.0, waits - answer.took_s)


def half(world: World, target: int) -> Iterator[Page]:
    """OpenStatus: the last status of each place, and half of them decide."""
    yield from _by_last(world, target, lambda failed, places: 2 * failed >= places)


def worst(world: World, target: int) -> Iterator[Page]:
    """Worst child: one place that fails is enough."""
    yield from _by_last(world, target, lambda failed, places: failed > 0)


def _by_last(world: World, target: int, is_down) -> Iterator[Page]:
    last: dict[int, bool] = {}
    down = False
    for seen in results(world, target):
        last[seen.worker] = seen.good
        bad = is_down(sum(not good for good in last.values()), world.plan.workers)
        if bad and not down:
            yield Page(target, seen.at)
        down = bad


BASELINES = {"one place, retries": one_place, "last, half": half, "worst": worst}
