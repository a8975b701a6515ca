"""Explains verdicts: now, and as they were when they changed, beside the incident."""

from collections.abc import Iterator

from msgspec.structs import replace

from pangea.core.clock import Clock
from pangea.core.durations import format_duration
from pangea.core.explain import Explanation, Seat, explain
from pangea.core.incident import BAD, Entry
from pangea.core.model import COORDINATOR, PUSHED, Job, Verdict
from pangea.core.outage import Outage
from pangea.core.verdict import JobState, Judgement
from pangea.core.votes import LOST, RESTING

from .absent import absent
from .board import Board
from .decided import Decided
from .incident_writes import write_line

#: The kind of these lines in the timeline of an incident.
EXPLAIN = "explain"
#: Lines of one job in one incident: one that flaps would fill the disk.
MOST_LINES = 40
#: Of jobs that were removed it is forgotten from so many votes on.
PRUNE_FROM = 10_000
#: What the log of votes calls a cause, in words for people.
CAUSES = {
    "expired": "its vote expired",
    LOST: "it was lost",
    "left the job": "it left the job",
    "worker sick": "it was sick",
    RESTING: "it was in maintenance",
}


class Explaining:
    """Follows judging; must come after what opens and closes incidents."""

    def __init__(self, board: Board, clock: Clock) -> None:
        self._board = board
        self._clock = clock
        #: (Job, worker) whose last vote is gone: why, and since when.
        self._gone: dict[tuple[int, int], tuple[str, float]] = {}
        self._prune_from = PRUNE_FROM
        #: Job → its open incident, and how many lines were written into it.
        self._lines: dict[int, tuple[str, int]] = {}
        #: What was decided of jobs whose incident may open later: suppressed ones.
        self._held: dict[int, Entry] = {}

    def follow(self, before: JobState, judged: Judgement, decided: Decided) -> None:
        """Keep why the verdict changed, if that is part of an incident."""
        for change in judged.changes:
            key = (change.job, change.worker)
            self._gone.pop(key, None)
            if change.after is None:
                self._gone[key] = (change.cause, change.at_us / 1e6)
        turn, job = judged.transition, self._board.jobs.get(judged.state.job)
        if turn is None or job is None or turn.after is Verdict.UNKNOWN:
            return
        told = self._explain(job, judged.state, turn.at_us / 1e6, str(turn.before))
        entry = Entry(
            kind=EXPLAIN,
            at_us=turn.at_us,
            text=f"{job.name} {turn.before} → {turn.after}: {told.line_words}",
            data=told.data,
        )
        if not self._keep(job.id, entry, decided) and turn.after is not Verdict.UP:
            self._held[job.id] = entry
        if turn.after is Verdict.UP:
            self._lines.pop(job.id, None)
            self._held.pop(job.id, None)

    def look(self) -> tuple[Decided, list[int]]:
        """Return what to write of incidents that opened since, and of which jobs."""
        if len(self._gone) > self._prune_from:
            known = self._board.jobs
            self._gone = {k: v for k, v in self._gone.items() if k[0] in known}
            self._prune_from = 2 * max(len(self._gone), PRUNE_FROM)
        decided, jobs = Decided(), list[int]()
        for job, entry in list(self._held.items()):
            if job not in self._board.jobs:
                del self._held[job]
            elif self._keep(job, self._blamed(job, entry), decided):
                del self._held[job]
                jobs.append(job)
        return decided, jobs

    def _blamed(self, job: int, entry: Entry) -> Entry:
        """Return *entry*, which says whose fault it is if that is known by now."""
        why, said = self._board.blamed.get(job, ""), str(entry.data.get("reason", ""))
        if not why or said.startswith(why):
            return entry
        return replace(entry, data={**entry.data, "reason": f"{why} ({said})"})

    def _keep(self, job: int, entry: Entry, decided: Decided) -> bool:
        """Write *entry* into the incident of *job*; False if it has none."""
        incident, lines = self._place(job)
        if incident and lines < MOST_LINES:
            self._lines[job] = (incident, lines + 1)
            write_line(incident, entry, decided)
        return bool(incident)

    def now(self, job: Job) -> Explanation:
        """Return why *job* has the verdict that it has now."""
        state = self._board.states.get(job.id, JobState(job.id))
        return self._explain(job, state, self._clock.wall(), "")

    def _place(self, job: int) -> tuple[str, int]:
        """Return the incident of *job*, also one that closes now, and its lines."""
        known, lines = self._lines.get(job, ("", 0))
        incident = self._board.incident_of(job)
        if incident and incident != known:
            return incident, 0
        return known, lines

    def _explain(
        self, job: Job, state: JobState, now: float, before: str
    ) -> Explanation:
        outage = self._board.outages.get(job.id, Outage())
        why = self._board.blamed.get(job.id, "")
        if why and state.verdict in BAD:
            state = replace(state, reason=f"{why} ({state.reason})")
        return explain(
            job.name,
            state,
            self._board.rules[job.id],
            self._seats(job, state, now),
            now,
            workers=self._board.workers,
            before=before,
            first_fail=outage.first_fail,
            confirmed=outage.confirmed,
        )

    def _seats(self, job: Job, state: JobState, now: float) -> Iterator[Seat]:
        """Yield all that have to do with *job*, each with why it has no say."""
        if job.type in PUSHED:
            yield Seat(COORDINATOR, "coordinator", why="nothing was reported yet")
            return
        board, named = self._board, set[str]()
        placement = board.placements.get(job.id)
        placed = [w.id for w in placement.workers] if placement else []
        for number in dict.fromkeys([*state.electorate, *placed, *state.votes]):
            worker = board.workers.get(number)
            name = worker.name if worker else f"worker {number}"
            named.add(name)
            region = worker.region if worker else ""
            why = self._why(job, number, state, now)
            yield Seat(number, name, region, why)
        others = dict.fromkeys(job.stopped_on, "the job is stopped there")
        others |= {name: f"refused: {why}" for name, why in _refused(board, job)}
        others |= absent(board, job)
        for name, why in others.items():
            if name not in named:
                yield Seat(-1, name, "", why)

    def _why(self, job: Job, number: int, state: JobState, now: float) -> str:
        """Return why the vote of a worker does not count, "" if nothing is known."""
        board = self._board
        worker = board.workers.get(number)
        if worker and worker.name in job.stopped_on:
            return "the job is stopped there"
        if number in board.resting:
            return "in maintenance"
        if number in board.lost:
            away = format_duration(round(max(now - board.seen.get(number, now), 0)))
            left = "" if number in state.electorate else ", so it has no seat any more"
            return f"lost {away}{left}"
        if number in board.sick:
            cause = board.sick[number]
            return cause if cause.startswith("isolated") else f"sick: {cause}"
        if number in state.votes:
            return ""
        if worker and worker.draining and number not in state.electorate:
            return "draining: it gets no new jobs"
        cause, at = self._gone.get((job.id, number), ("", 0.0))
        if cause:
            ago = format_duration(round(max(now - at, 0)))
            return f"{CAUSES.get(cause, cause)} {ago} ago"
        if number not in board.connected:
            return "not connected"
        return ""


def _refused(board: Board, job: Job) -> Iterator[tuple[str, str]]:
    placement = board.placements.get(job.id)
    if placement is not None:
        yield from placement.refused.items()
