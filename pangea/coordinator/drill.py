"""Drills: jobs that fail on purpose, and how long each stage takes."""

from functools import partial

from msgspec.structs import replace

from pangea.core import drill as steps
from pangea.core.clock import Clock
from pangea.core.drill import LEAST_S, LONGEST_S, REASON, Drill
from pangea.core.durations import format_duration
from pangea.core.errors import Conflict, UsageError
from pangea.core.incident import BAD, Entry, Step
from pangea.core.model import PUSHED, Job, Result, Verdict, VoteValue
from pangea.core.verdict import JobState, Judgement
from pangea.storage import spans
from pangea.storage.database import Store
from pangea.storage.spans import DRILL, Span

from .board import Board
from .decided import Decided
from .dispatch import Dispatch
from .incidents import Incidents
from .intake import Intake
from .judging import Judging

#: The cause of a vote that was given in a drill and came when it was over.
OVER = "the drill is over"
#: Beside the rounds that it needs, a job has so long to be up again.
PATIENCE_S = 60.0


class Drills:
    """Begins drills, follows them and ends them; the last of each job is kept."""

    def __init__(
        self,
        board: Board,
        store: Store,
        clock: Clock,
        dispatch: Dispatch,
        incidents: Incidents,
    ) -> None:
        self._board = board
        self._store = store
        self._clock = clock
        self._dispatch = dispatch
        self._incidents = incidents
        self.drills: dict[int, Drill] = {}

    async def load(self, judging: Judging, intake: Intake) -> None:
        """End the drills that a stop has cut short: what was voted is void."""
        now_us = round(self._clock.wall() * 1e6)
        left = await self._store.read(lambda: spans.open_at(now_us))
        cut = [replace(s, until_us=now_us) for s in left if s.kind == DRILL]
        if cut:
            await self._store.write(lambda: spans.put_all(cut))
            await intake.note(judging.seat([s.job for s in cut], anew=True))

    def begin(self, job: Job, for_s: float, by: str) -> tuple[Drill, Decided]:
        """Let *job* fail for *for_s* seconds at most, or until it is down.

        Raises Conflict if it is not up, or nobody probes it; UsageError for a
        length or a type that cannot be.
        """
        self._check(job, for_s)
        now = self._clock.wall()
        drill = Drill(job=job.id, begun=now, limit=now + for_s, by=by)
        decided = Decided()
        self._put(drill, "drill begun", decided)
        decided.writes.append(partial(spans.put, self._span(drill, self._last(drill))))
        return drill, decided

    def end(self, job: Job) -> tuple[Drill, Decided]:
        """End the drill of *job* now; Conflict if there is none."""
        drill, decided = self.drills.get(job.id), Decided()
        if drill is None or drill.over:
            raise Conflict(f"job {job.name!r} is not drilled")
        self._stop(drill, self._clock.wall(), "ended by hand", decided)
        return self.drills[job.id], decided

    def void(self, result: Result, job: Job) -> str:
        """Return why a result does not count; note who told the job as failed."""
        if not steps.is_drill(result):
            return ""
        drill = self.drills.get(job.id)
        begun = drill is not None and result.started_at_us >= drill.begun * 1e6 - 1e6
        if drill is None or drill.over or not begun:
            return OVER
        self.drills[job.id] = steps.hear(drill, result.worker, self._clock.wall())
        return ""

    def follow(self, before: JobState, judged: Judgement, decided: Decided) -> None:
        """Go on to the next stage when the verdict follows."""
        change, drill = judged.transition, self.drills.get(judged.state.job)
        if change is not None:
            self._outlive(change.job, change.at_us / 1e6, decided)
        if change is None or drill is None or drill.over:
            return
        decided.drilled.add((change.job, change.at_us))
        now = self._clock.wall()
        if change.after is Verdict.DOWN and not drill.confirmed:
            self._put(steps.confirm(drill, now), "drill confirmed", decided)
        elif change.after is Verdict.UP and not drill.failing:
            self._finish(drill, now, "", decided, recovered=True)

    def alerted(self, job: int, now: float, channel: str) -> None:
        """Note that people were told of the drill of *job*, if it is drilled."""
        drill = self.drills.get(job)
        if drill is not None and drill.confirmed:
            self.drills[job] = steps.alert(drill, now, channel)

    def look(self, now: float, decided: Decided) -> None:
        """End what has lasted long enough, or became earnest."""
        for drill in [d for d in self.drills.values() if not d.over]:
            job = self._board.jobs.get(drill.job)
            if job is None or self._board.verdict(job) in ("paused", "maintenance"):
                self._finish(drill, now, "the job was stopped", decided)
            elif self._in_earnest(drill):
                self._finish(drill, now, "it fails in earnest", decided)
                self._unmark(drill.job, now, decided)
            elif drill.failing and not drill.begun <= now < drill.limit:
                for_s = format_duration(drill.limit - drill.begun)
                self._stop(drill, now, f"not down within {for_s}", decided)
            elif drill.ended and not drill.confirmed and not self._lingers(drill):
                self._finish(drill, now, "", decided, recovered=True)
            elif now >= self._last(drill):
                self._finish(drill, now, "it is not up again", decided)
        for incident in list(self._incidents.known.values()):
            if incident.drill and incident.is_open:
                self._outlive(incident.job, now, decided)

    def _outlive(self, job: int, now: float, decided: Decided) -> None:
        """Let the incident of a drill that is over be in earnest if *job* fails.

        A drill may end before the job is up again: by a restart, by maintenance.
        """
        state, board = self._board.states.get(job), self._board
        if state is None or job in board.drills or job in board.maintained:
            return
        if state.verdict in BAD and _fails(state, 0.0):
            self._unmark(job, now, decided)

    def _check(self, job: Job, for_s: float) -> None:
        verdict = self._board.verdict(job)
        if job.type in PUSHED:
            raise UsageError(
                f"job {job.name!r} reports by itself",
                hint="let it report a failure: ?outcome=failed at its address",
            )
        if not LEAST_S <= for_s <= LONGEST_S:
            raise UsageError(f"a drill cannot last {for_s:g} s", hint="use 1s to 1h")
        if job.id in self._board.drills:
            raise Conflict(f"job {job.name!r} is drilled already")
        if verdict != Verdict.UP:
            raise Conflict(
                f"job {job.name!r} is {verdict}: only what is up can be drilled",
                hint=f"see: pangea job show {job.name}",
            )
        if not self._board.connected & self._board.placed(job.id).keys():
            raise Conflict(
                f"no connected worker probes {job.name!r}",
                hint="see: pangea worker list",
            )

    def _put(self, drill: Drill, change: str, decided: Decided) -> None:
        """Take a drill at another stage, and let the workers know."""
        self.drills[drill.job] = drill
        if drill.over:
            self._board.drills.pop(drill.job, None)
        else:
            self._board.drills[drill.job] = drill.failing
        job = self._board.jobs.get(drill.job)
        if job is not None:
            self._dispatch.update([drill.job])
            said = {"job": job.name, "change": change}
            decided.told.append(("job", job.org, said))

    def _stop(self, drill: Drill, now: float, words: str, decided: Decided) -> None:
        """Let workers tell how it is; the drill is over when they have."""
        if drill.failing:
            self._put(steps.stop(drill, now, words), "drill ended", decided)

    def _finish(
        self,
        drill: Drill,
        now: float,
        words: str,
        decided: Decided,
        *,
        recovered: bool = False,
    ) -> None:
        done = steps.finish(drill, now, words, recovered=recovered)
        self._put(done, "drill over", decided)
        decided.writes.append(partial(spans.put, self._span(done, done.over)))

    def _in_earnest(self, drill: Drill) -> bool:
        """Tell whether the target has failed by itself meanwhile."""
        return _fails(self._board.states[drill.job], drill.begun)

    def _lingers(self, drill: Drill) -> bool:
        """Tell whether a vote that was given on purpose is held still."""
        votes = self._board.states[drill.job].votes.values()
        return any(vote.reason == REASON for vote in votes)

    def _unmark(self, job: int, now: float, decided: Decided) -> None:
        """Let the incident of the drill be one like any other."""
        incident = self._incidents.open_of(job)
        if incident is not None and incident.drill:
            entry = Entry(
                kind="earnest", at_us=round(now * 1e6), text="it fails in earnest"
            )
            earnest = replace(incident, drill=False, updated_us=entry.at_us)
            self._incidents.put(Step(earnest, (entry,)), decided)

    def _last(self, drill: Drill) -> float:
        """Return until when the job must be up again."""
        job, rule = self._board.jobs[drill.job], self._board.rules[drill.job]
        rounds = (rule.up_rounds + 2) * (job.interval_s + job.timeout_s)
        return (drill.ended or drill.limit) + rounds + PATIENCE_S

    def _span(self, drill: Drill, until: float) -> Span:
        begun, end = round(drill.begun * 1e6), round(until * 1e6)
        return Span(drill.job, DRILL, begun, end, drill.by)


def _fails(state: JobState, since: float) -> bool:
    """Tell whether anybody has seen a failure since then that was not on purpose."""
    return any(
        vote.value is VoteValue.FAILED and vote.reason != REASON and vote.at > since
        for vote in state.counted
    )
