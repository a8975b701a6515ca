"""Why a job that is unwell opens no incident of its own, and where it is told."""

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from pangea.core.cause import Cause
from pangea.core.dependencies import GRACE_S, Blame, blame
from pangea.core.incident import BAD
from pangea.core.leaving import leave
from pangea.core.model import PUSHED, Job, Verdict
from pangea.core.storm import join
from pangea.core.verdict import JobState, Judgement, Transition

from .board import Board
from .decided import Decided
from .heartbeats import grace_of
from .incidents import Incidents, member_of

#: Of those above a job so many are asked how they are, if they seem to be well.
MOST_ASKED = 16
ASKED = (Verdict.UP, Verdict.DEGRADED, "maintenance")


class Suppression:
    """Keeps what is planned, and what follows from another outage, from alarming.

    A job whose parent is down becomes a member of the parent's incident. When the
    parent is up again it has as long as a vote lasts to follow; if it is unwell
    then, it has an incident of its own.
    """

    def __init__(
        self, board: Board, incidents: Incidents, ask: Callable[[Job], object]
    ) -> None:
        self._board = board
        self._incidents = incidents
        self._ask = ask
        #: When parents were asked (UTC seconds), and for which jobs they were.
        self._asked: dict[int, float] = {}
        self._asked_for: set[int] = set()
        #: Jobs that depend on others and are unwell, each since which change.
        self._unwell: dict[int, Transition] = {}
        #: Who was to blame last, and until when a job may still follow its parent.
        self._blamed: dict[int, Blame] = {}
        self._eased: dict[int, float] = {}
        #: Jobs that are told of in a parent's incident: its id.
        self._told_in: dict[int, str] = {}
        incidents.suppressed = self.why

    def load(self) -> None:
        """Take up who was told of in whose incident; both are loaded already."""
        for number, state in self._board.states.items():
            above = self._board.graph.ancestors(number)
            if not above or state.verdict not in BAD:
                continue
            at_us = round(state.since * 1e6)
            self._unwell[number] = Transition(
                number, at_us, Verdict.UNKNOWN, state.verdict, state.reason
            )
            incident = self._incidents.open_of(number)
            told = [p for p in above if incident and p in incident.members]
            if incident and told:
                self._told_in[number] = incident.id
                self._blamed[number] = Blame(told[-1], "")

    def why(self, job: int, at: float) -> str:
        """Return why *job* opens no incident at *at* (UTC seconds), "" if it does."""
        if job in self._board.maintained:
            return self._board.maintained[job]
        self._ask_parents(job, at)
        found = self._blame(job, at)
        if found is None or found.until:
            self._board.blamed.pop(job, None)
        else:
            self._board.blamed[job] = found.why
        if found is None:
            return self._follows(job, at)
        self._blamed[job] = found
        self._eased.pop(job, None)
        return found.why

    def follow(self, before: JobState, judged: Judgement, decided: Decided) -> None:
        """Note who of those that depend on others is unwell."""
        change = judged.transition
        if change is None:
            return
        if change.after is Verdict.UP:
            self._forget(change.job)
        elif change.after in BAD and self._board.graph.parents(change.job):
            self._unwell[change.job] = change

    @property
    def unwell(self) -> list[int]:
        """The jobs that depend on others, and are unwell."""
        return list(self._unwell)

    def look(self, now: float, jobs: Iterable[int]) -> Decided:
        """Tell in each parent's incident who is down because of it, and who is not."""
        decided = Decided()
        for number in jobs:
            change = self._unwell.get(number)
            if change is None:
                continue
            if number not in self._board.jobs:
                self._forget(number)
            elif number in self._board.drills:
                continue
            elif number in self._told_in:
                self._part(change, now, decided)
            elif self.why(number, now):
                self._tell(change, now, decided)
        return decided

    def _ask_parents(self, job: int, at: float) -> None:
        """Let what *job* depends on be probed now, once in each of its outages.

        What many jobs depend on is asked once for all of them.
        """
        board = self._board
        if job in self._asked_for or not board.graph.parents(job):
            return
        self._asked_for.add(job)
        for parent in board.graph.ancestors(job)[:MOST_ASKED]:
            above = board.jobs.get(parent)
            if above is None or board.verdict(above) not in ASKED:
                continue  # down already, stopped, or nobody knows
            again = 2 * above.timeout_s + GRACE_S
            if above.type in PUSHED or abs(at - self._asked.get(parent, 0.0)) < again:
                continue
            self._asked[parent] = at
            self._ask(above)

    def _blame(self, job: int, at: float) -> Blame | None:
        board = self._board
        if not board.graph.parents(job) or job not in board.states:
            return None
        since = board.states[job].since
        return blame(
            job,
            since,
            board.graph,
            board.jobs,
            board.states,
            at,
            board.drills,
            self._asked,
        )

    def _follows(self, job: int, at: float) -> str:
        """Return that the parent of *job* was down until just now."""
        last = self._blamed.get(job)
        if last is None or last.until or last.parent not in self._board.jobs:
            return ""
        patience = self._patience(job)
        until = self._eased.setdefault(job, at + patience)
        if not at < until <= at + patience:
            return ""
        return f"depends on {self._board.jobs[last.parent].name}, which was down"

    def _patience(self, number: int) -> float:
        """Return how long a job has to follow its parent, in seconds.

        The vote of one that reports by itself lasts for ever: it has until its next
        report would have been missed.
        """
        job = self._board.jobs.get(number)
        if job is None or job.type not in PUSHED:
            return self._board.lasts[number]
        return job.interval_s + grace_of(job)

    def _tell(self, change: Transition, now: float, decided: Decided) -> None:
        """Make a job a member of the incident of the parent that is down."""
        found = self._blamed.get(change.job)
        incidents, jobs = self._incidents, self._board.jobs
        if found is None or found.until or incidents.open_of(change.job):
            return
        incident = incidents.open_of(found.parent)
        if incident is None or change.job in self._board.maintained:
            return
        causes = incident.causes
        if not incident.is_storm:
            causes = (Cause("dependency", jobs[found.parent].name),)
        said = replace(change, reason=found.why)
        member = member_of(jobs[change.job], said, round(now * 1e6))
        incidents.put(join(incident, member, causes), decided)
        self._told_in[change.job] = incident.id

    def _part(self, change: Transition, now: float, decided: Decided) -> None:
        """Let a job that is still unwell have an incident of its own."""
        if self.why(change.job, now):
            return
        left = self._told_in.pop(change.job)
        incident = self._incidents.known.get(left)
        if incident is not None and change.job in incident.members:
            why = "unwell still, though what it depends on is up"
            step = leave(incident, change.job, round(now * 1e6), why)
            self._incidents.put(step, decided)
        self._incidents.release(change, left)

    def _forget(self, job: int) -> None:
        for known in (self._unwell, self._blamed, self._eased, self._told_in):
            known.pop(job, None)
        self._board.blamed.pop(job, None)
        self._asked_for.discard(job)
