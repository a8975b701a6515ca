"""Which pages were true, and how late: the pages of a rule against the world."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pangea.core.liveness import LEAVES_S, LOST_S
from pangea.core.model import Verdict

from .baselines import Page
from .world import Fault, Kind, World

#: Two answers of an outage's end may still be on their way, and be confirmed.
LAST_WORD_S = 2.0
#: Faults of which a worker itself can know nothing.
MISLED = (Kind.ALONE, Kind.PATH)


class Told(NamedTuple):
    """A verdict on a target, from then on."""

    target: int
    at: float
    verdict: Verdict


class Score(NamedTuple):
    """Of one or more worlds: outages, pages that were false, outages missed.

    ``seconds`` are those of undisturbed outages from the begin to the page, and
    ``shares`` the same of what was promised.
    """

    outages: int = 0
    false: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    seconds: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()

    def __add__(self, other: "Score") -> "Score":  # type: ignore[override]  # a sum
        return Score(*(mine + its for mine, its in zip(self, other, strict=True)))


def bound(world: World, fault: Fault, *, disturbed: bool) -> float:
    """Return within how many seconds *fault* of a target has to be known.

    DESIGN section 12, detection. Who is disturbed by an unwell worker must first
    wait until that one has left, and may then be alone. Nobody has left while the
    coordinator was away.
    """
    plan, took = world.plan, _takes(world, fault)
    alone = plan.interval_s + 4 * took + 7
    if disturbed:
        left = LOST_S + LEAVES_S + plan.interval_s + alone
        first, last = fault.start, fault.start + left
        ends = [f.end for f in world.restarts if f.start < last and f.end > first]
        return max(ends, default=first) - first + left
    # Who looks while it flickers has to look again.
    looks = 1 + 2 * (fault.kind is Kind.FLICKERING)
    if plan.workers == 1:
        return alone + (looks - 1) * plan.interval_s
    return looks * plan.interval_s / plan.workers + 2 * took + 1


def _takes(world: World, fault: Fault) -> float:
    return world.plan.timeout_s if fault.kind is Kind.SILENT else 0.05


def score(world: World, pages: Iterable[Page], who: str) -> Score:
    """Return how good *pages* were."""
    pages = sorted(pages, key=lambda page: page.at)
    total = Score()
    for target, outages in world.outages.items():
        mine = [page.at for page in pages if page.target == target]
        for fault in outages:
            first = next((at for at in mine if _tells_of(world, fault, at)), None)
            total += _judged(world, target, fault, first, who)
        told: set[Fault] = set()
        for at in mine:
            fault = next((f for f in outages if _tells_of(world, f, at)), None)
            if (fault is None or fault in told) and not _unknowable(world, target, at):
                again = "again" if fault else "no outage"
                line = f"seed {world.seed}: target {target} at {at:.0f} s, {again}"
                total += Score(false=(f"{who} {line}",))
            if fault:
                told.add(fault)
    return total


def _judged(
    world: World, target: int, fault: Fault, first: float | None, who: str
) -> Score:
    disturbed = is_disturbed(world, target, fault)
    must = bound(world, fault, disturbed=disturbed)
    one = Score(outages=1)
    if first is None or first - fault.start > must:
        if fault.end - fault.start <= must or _blind(world, target, fault):
            return one
        late = "never" if first is None else f"after {first - fault.start:.1f} s"
        line = f"seed {world.seed}: target {target} at {fault.start:.0f} s, {late}"
        return one + Score(missed=(f"{who} {line}, promised {must:.0f} s",))
    if disturbed:
        return one
    delay = first - fault.start
    return one + Score(seconds=(delay,), shares=(delay / must,))


def _tells_of(world: World, fault: Fault, at: float) -> bool:
    last = 4 * _takes(world, fault) + 7 + LAST_WORD_S
    return fault.start <= at <= fault.end + last


def is_disturbed(world: World, target: int, fault: Fault) -> bool:
    """Tell whether anything else is broken around the outage, as long as it counts."""
    since, until = fault.start - LEAVES_S, fault.start + LOST_S + 60
    others = [f for faults in world.unwell.values() for f in faults]
    others += world.restarts
    # Who has many broken paths is isolated, and then the other one is alone.
    others += world.paths.values()
    # A worker's lost probe is one more reason to wait for its next one.
    return any(f.start < until and f.end > since for f in others)


def _unknowable(world: World, target: int, at: float) -> bool:
    """Tell whether nobody could have known better.

    That is so if all who could see were misled, or most of those who are not known to
    be, by faults that have nothing to do with each other.
    """
    workers = range(1, world.plan.workers + 1)
    first = (
        at - 4 * world.plan.timeout_s - 7
    )  # when the first try of a sole voter began
    moments = [at, (first + at) / 2, first, at - world.plan.timeout_s]
    states = [_worst(world, w, target, moments) for w in workers]
    if None not in states and any(state in MISLED for state in states):
        return True
    # Whoever has been alone for two intervals is isolated by now.
    fresh = at - 2 * world.plan.interval_s - world.plan.timeout_s - LAST_WORD_S
    known = [w for w in workers if world.worker(w, fresh) is Kind.ALONE]
    newly = [w for w in workers if w not in known and states[w - 1] in MISLED]
    return 2 * len(newly) > len(states) - len(known)


def _too_few(states: list[Kind | None]) -> bool:
    well = states.count(None)
    return not well or (Kind.BUSY in states and well < min(2, len(states)))


def _worst(
    world: World, worker: int, target: int, moments: Iterable[float]
) -> Kind | None:
    """Return in what way a worker was unwell at one of *moments*."""
    states = (_state(world, worker, target, moment) for moment in moments)
    return next(filter(None, states), None)


def _blind(world: World, target: int, fault: Fault) -> bool:
    """Tell whether too few could see it for most of the time, or tell of it.

    Where two have to agree and one cannot tell anything, it is unknown.
    """
    steps = 20
    length = (fault.end - fault.start) / steps
    moments = [fault.start + length * n for n in range(steps)]
    unseen = [
        m
        for m in moments
        if any(f.at(m) for f in world.restarts)
        or _too_few(
            [_state(world, w, target, m) for w in range(1, world.plan.workers + 1)]
        )
    ]
    return 2 * len(unseen) > steps or fault.start in unseen


def _state(world: World, worker: int, target: int, at: float) -> Kind | None:
    path = world.paths.get((worker, target))
    return Kind.PATH if path and path.at(at) else world.worker(worker, at)


def pages_in(told: Iterable[Told]) -> Iterator[Page]:
    """Yield a page for each verdict that somebody is told of.

    An outage that nobody could see for a while goes on: unknown ends nothing.
    """
    down: set[int] = set()
    for target, at, verdict in told:
        if verdict is Verdict.DOWN and target not in down:
            down.add(target)
            yield Page(target, at)
        elif verdict in (Verdict.UP, Verdict.DEGRADED):
            down.discard(target)


def stuck(world: World, told: Iterable[Told], who: str) -> Score:
    """Return the targets that are called down long after they are up again."""
    told = list(told)
    total = Score()
    for target, outages in world.outages.items():
        for fault in outages:
            until = fault.end + bound(world, fault, disturbed=True)
            until += 2 * world.plan.interval_s  # the rounds that end it
            before = [t.verdict for t in told if t.target == target and t.at <= until]
            stays = before and before[-1] is Verdict.DOWN
            if stays and until < world.plan.lasts_s and _seen(world, target, until):
                line = f"seed {world.seed}: target {target} at {until:.0f} s, still"
                total += Score(false=(f"{who} {line}",))
    return total


def _seen(world: World, target: int, at: float) -> bool:
    """Tell whether somebody could see *target* for a while before *at*."""
    since = at - 4 * world.plan.interval_s
    return any(
        _state(world, w, target, at) is None is _state(world, w, target, since)
        for w in range(1, world.plan.workers + 1)
    )
