"""Jobs that depend on jobs: who stands above whom, and whose fault an outage is."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from .errors import UsageError
from .model import Job, Verdict, VoteValue
from .verdict import JobState

#: So many jobs one above the other are still a chain; more are a mistake.
DEEPEST = 256
#: A parent that has a failed vote is confirmed within two timeouts and this.
GRACE_S = 2.0
#: A vote that was given so little before it was asked for is an answer, too.
APART_S = 0.05
#: Nobody was asked.
NOBODY: Mapping[int, float] = {}

#: From a job to those that come next.
Way = Callable[[int], Iterable[int]]


class Graph:
    """Which job depends on which; both directions are known at once."""

    def __init__(self) -> None:
        self._parents: dict[int, tuple[int, ...]] = {}
        self._children: dict[int, set[int]] = {}

    def put(self, job: int, parents: Sequence[int]) -> None:
        """Let *job* depend on *parents*, and on nothing else."""
        self._unhang(job)
        if parents:
            self._parents[job] = tuple(parents)
        for parent in parents:
            self._children.setdefault(parent, set()).add(job)

    def drop(self, job: int) -> None:
        """Forget *job*; those that depend on it wait until they are put anew."""
        self._unhang(job)

    def _unhang(self, job: int) -> None:
        for parent in self._parents.pop(job, ()):
            children = self._children.get(parent, set())
            children.discard(job)
            if not children:
                self._children.pop(parent, None)

    def parents(self, job: int) -> tuple[int, ...]:
        """Return what *job* depends on directly."""
        return self._parents.get(job, ())

    def has_dependants(self, job: int) -> bool:
        """Tell whether any job depends on *job*."""
        return bool(self._children.get(job))

    def dependants(self, job: int) -> list[int]:
        """Return what depends on *job*, directly or not, the nearest first."""
        return list(_walk(job, lambda j: sorted(self._children.get(j, ()))))

    def ancestors(self, job: int) -> list[int]:
        """Return what *job* depends on, directly or not, the nearest first."""
        return list(_walk(job, self.parents))

    def check(self, job: Job, jobs: Mapping[int, Job]) -> None:
        """Raise UsageError if the parents that *job* is to have cannot be.

        They must exist in its organisation, must not depend on it, and no chain
        may have more than 256 jobs.
        """
        for parent in job.depends_on:
            if parent not in jobs or jobs[parent].org != job.org:
                raise UsageError(f"job {job.name!r} depends on a job that is not there")
            if job.id and (parent == job.id or job.id in self.ancestors(parent)):
                raise UsageError(
                    f"job {job.name!r} would depend on itself: "
                    f"{' > '.join(self._round(job, parent, jobs))}",
                    hint=f"{jobs[parent].name!r} depends on it already",
                )
        above = max((self._height(p) for p in job.depends_on), default=0)
        if above + 1 + self._depth(job.id) > DEEPEST:
            raise UsageError(f"more than {DEEPEST} jobs would depend on each other")

    def _round(self, job: Job, parent: int, jobs: Mapping[int, Job]) -> list[str]:
        """Return the names on the way from *job* over *parent* to itself."""
        way = [parent]
        while way[-1] != job.id:
            above = self.parents(way[-1])
            way.append(
                next(p for p in above if p == job.id or job.id in self.ancestors(p))
            )
        names = [jobs[number].name for number in way if number != job.id]
        shown = names if len(names) <= 8 else [*names[:4], "…", *names[-3:]]
        return [job.name, *shown, job.name]

    def _height(self, job: int) -> int:
        """Return how many jobs stand in the longest chain from *job* up."""
        return _longest(job, self.parents)

    def _depth(self, job: int) -> int:
        """Return how many jobs stand in the longest chain below *job*."""
        return _longest(job, lambda j: self._children.get(j, ())) - 1


class Blame(Struct, frozen=True):
    """Why a job that is bad opens no incident of its own.

    ``parent`` is the job whose incident it belongs to. With ``until`` (UTC seconds)
    that is not sure yet: ask again then, or when a verdict changes.
    """

    parent: int
    why: str
    until: float = 0.0


def blame(
    job: int,
    since: float,
    graph: Graph,
    jobs: Mapping[int, Job],
    states: Mapping[int, JobState],
    now: float,
    aside: Container[int] = (),
    asked: Mapping[int, float] = NOBODY,
) -> Blame | None:
    """Return which job above *job*, bad *since* then, is to blame; None: nobody.

    The highest one that is down counts. While none is, but one has a failed vote
    that counts, or has not answered since it was *asked*, the answer waits for it:
    two of its timeouts and two seconds from *since* on. Times are UTC seconds.
    Those *aside* are never to blame: they are drilled.
    """
    above = [p for p in graph.ancestors(job) if p in jobs and p not in aside]
    down = [p for p in above if states[p].verdict is Verdict.DOWN]
    for parent in down:
        if not set(graph.ancestors(parent)) & set(down):
            return Blame(parent, f"depends on {jobs[parent].name}, which is down")
    for parent in above:
        until = since + 2 * jobs[parent].timeout_s + GRACE_S
        if now >= until:
            continue
        if _fails(states[parent]):
            why = f"depends on {jobs[parent].name}, which is being confirmed"
            return Blame(parent, why, until)
        if parent in asked and _owes(states[parent], asked[parent]):
            why = f"depends on {jobs[parent].name}, which is being asked"
            return Blame(parent, why, until)
    return None


def _fails(state: JobState) -> bool:
    return any(vote.value is VoteValue.FAILED for vote in state.counted)


def _owes(state: JobState, asked: float) -> bool:
    return any(vote.at < asked - APART_S for vote in state.counted)


def _walk(job: int, further: Way) -> Iterator[int]:
    """Yield what is reached from *job*, each once, level by level."""
    seen, level = {job}, [job]
    for _ in range(DEEPEST):
        found = dict.fromkeys(n for j in level for n in further(j) if n not in seen)
        if not found:
            return
        seen |= found.keys()
        level = list(found)
        yield from level


def _longest(job: int, further: Way) -> int:
    """Return how many jobs the longest chain from *job* on has, itself counted.

    Levels are enough: there are no cycles, and who is reached twice counts last.
    """
    level, count = {job}, 0
    while level and count <= DEEPEST:
        level = {n for j in level for n in further(j)}
        count += 1
    return count
