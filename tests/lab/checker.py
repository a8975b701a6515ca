"""Accounts for every run that the target saw: stored once, in a gap, or cut short.

All of it is pure: what was seen, what is stored and what was done to the processes
go in, a Report comes out. Times are microseconds of the lab's one clock.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from msgspec import Struct, field

#: A run is in flight from its start until its result was written down; of a process
#: that is killed so much later than the target answered, the run must be there.
WRITTEN_S = 0.25
#: The target, a process as busy as the others, writes down what it was asked so late.
NOTED_S = 0.3
#: A stored time may be off by the scheduling of a busy machine.
JITTER_US = 150_000
#: Examples of each fault in a report.
SHOWN = 5


class Seen(NamedTuple):
    """A run by the target's own count; ``source`` is the host it came from."""

    at_us: int
    source: str
    job: str
    token: str


class Stored(NamedTuple):
    """A result as the coordinator has it; ``token`` is "" if the run got none."""

    source: str
    job: str
    started_us: int
    duration_us: int
    outcome: str
    reason: str
    token: str
    flags: tuple[str, ...] = ()

    @property
    def end_us(self) -> int:
        """When the target had answered, by the worker's measure."""
        return self.started_us + self.duration_us


class Gap(NamedTuple):
    """What a worker says it could not deliver: of each job how many.

    ``uncounted`` are those of which it does not know the job any more.
    """

    source: str
    reason: str
    counts: Mapping[str, int]
    uncounted: int = 0


class Death(NamedTuple):
    """A process of *source* ended at some moment between the two."""

    source: str
    from_us: int
    to_us: int


class Report(Struct):
    """What became of all runs; ``faults`` is empty if nothing is wrong."""

    seen: int = 0
    stored: int = 0
    without_token: int = 0
    in_gaps: int = 0
    in_flight: int = 0
    clamped: int = 0
    claimed_twice: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    worst_error_ms: float = 0.0
    faults: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def fault(self, kind: str, text: str) -> None:
        """Count a fault, and keep the first few of its kind."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.counts[kind] <= SHOWN:
            self.faults.append(f"{kind}: {text}")


Key = tuple[str, str]
#: Stands for every job.
ANY = ""


def check(
    seen: Iterable[Seen],
    stored: Iterable[Stored],
    *,
    gaps: Iterable[Gap] = (),
    deaths: Sequence[Death] = (),
    bent_us: Mapping[str, int] | None = None,
    written_s: float = WRITTEN_S,
) -> Report:
    """Return what became of every run in *seen*.

    *bent_us* allows the stored times of a worker so much more error: half of the
    longest round trip that a bent link gave its clock's measurement.
    """
    report = Report()
    runs = _by_key(seen)
    rows = _by_key(stored)
    report.seen = sum(map(len, runs.values()))
    report.stored = sum(map(len, rows.values()))
    lost: dict[Key, list[Seen]] = {}
    for key in runs.keys() | rows.keys():
        bound = JITTER_US + (bent_us or {}).get(key[0], 0)
        lost[key] = _match(runs.get(key, []), rows.get(key, []), bound, report)
    _explain(lost, gaps, [_widened(death, written_s) for death in deaths], report)
    return report


def never_down(transitions: Iterable[tuple[str, str]], report: Report) -> None:
    """Count each transition (job, verdict) that calls a target down: all were up."""
    for job, verdict in transitions:
        if verdict == "down":
            report.fault("called down", f"{job}, whose target was up all the time")


def _by_key(things: Iterable[Any]) -> dict[Key, list[Any]]:
    found: dict[Key, list[Any]] = defaultdict(list)
    for thing in things:
        found[thing.source, thing.job].append(thing)
    return found


def _match(
    runs: list[Seen], rows: list[Stored], bound_us: int, report: Report
) -> list[Seen]:
    """Compare one worker's runs of one job with its rows; return what is missing."""
    left = {run.token: run for run in runs}
    known = dict(left)
    order: list[tuple[int, int]] = []
    for row in sorted(rows, key=lambda row: row.started_us):
        report.outcomes[row.outcome] = report.outcomes.get(row.outcome, 0) + 1
        if not row.token:
            continue
        run = left.pop(row.token, None)
        if run is None:
            kind = "doubled" if row.token in known else "invented"
            report.fault(kind, _told(row))
        elif "clamped" in row.flags:
            report.clamped += 1
        else:
            _check_time(run, row, bound_us, report)
            order.append((row.started_us, run.at_us))
    _check_order(order, rows, report)
    return _match_by_time(list(left.values()), rows, bound_us, report)


def _check_time(run: Seen, row: Stored, bound_us: int, report: Report) -> None:
    """The target must have seen the run while it lasted."""
    off = max(row.started_us - run.at_us, run.at_us - row.end_us, 0)
    report.worst_error_ms = max(report.worst_error_ms, off / 1000)
    if off > bound_us:
        report.fault("wrong time", f"{off / 1e6:.3f} s off, {_told(row)}")


def _check_order(
    order: list[tuple[int, int]], rows: list[Stored], report: Report
) -> None:
    """What began later is stored as begun later."""
    for (_, before), (started, at) in pairwise(order):
        if at < before:
            report.fault("out of order", f"{rows[0].source} {rows[0].job} {started}")


def _match_by_time(
    runs: list[Seen], rows: list[Stored], bound_us: int, report: Report
) -> list[Seen]:
    """A run that failed half way has no token, but its time."""
    bare = sorted(row.started_us for row in rows if not row.token)
    ends = {row.started_us: row.end_us for row in rows if not row.token}
    missing = []
    for run in sorted(runs):
        at = bisect_left(bare, run.at_us + bound_us)
        fits = [s for s in bare[:at] if run.at_us <= ends[s] + bound_us]
        if fits:
            bare.remove(fits[0])
            report.without_token += 1
        else:
            missing.append(run)
    return missing


def _explain(
    lost: Mapping[Key, list[Seen]],
    gaps: Iterable[Gap],
    deaths: Sequence[Death],
    report: Report,
) -> None:
    """Take what a death cut short, then what gaps admit; the rest is lost."""
    admitted: dict[Key, int] = defaultdict(int)
    for gap in gaps:
        admitted[gap.source, ANY] += gap.uncounted
        for job, count in gap.counts.items():
            admitted[gap.source, job] += count
    for (source, job), runs in lost.items():
        own = [death for death in deaths if death.source == source]
        for run in _not_cut_short(runs, own, report):
            by = next((j for j in (job, ANY) if admitted[source, j] > 0), None)
            if by is not None:
                admitted[source, by] -= 1
                report.in_gaps += 1
            else:
                when = f"at {run.at_us}{_before_death(run, own)}"
                report.fault("lost", f"{source} {job} {run.token} {when}")
    report.claimed_twice = sum(admitted.values())


def _not_cut_short(runs: list[Seen], deaths: list[Death], report: Report) -> list[Seen]:
    """Return the runs that no death explains; each cuts short one of a job."""
    left = list(runs)
    for death in deaths:
        cut = [run for run in left if death.from_us <= run.at_us <= death.to_us]
        if cut:
            report.in_flight += 1
            left.remove(max(cut))
    return left


def _before_death(run: Seen, deaths: list[Death]) -> str:
    """Tell how long after *run* its worker died, if that was soon."""
    after = [d.to_us - run.at_us for d in deaths if run.at_us <= d.to_us]
    if not after or min(after) > 5_000_000:
        return ""
    return f", {min(after) / 1e6:.2f} s before it was surely dead"


def _widened(death: Death, written_s: float) -> Death:
    """Begin a death when the last result was written that it could leave whole.

    It ends when what was asked just before it has been noted.
    """
    noted_us = death.to_us + round(NOTED_S * 1e6)
    return Death(death.source, death.from_us - round(written_s * 1e6), noted_us)


def _told(row: Stored) -> str:
    return f"{row.source} {row.job} {row.token} begun {row.started_us} {row.outcome}"
