"""Incidents: opened, grouped and closed as verdicts change, and stored with them.

What is open, or closed so lately that it may open again, is in memory; every step
is written in the transaction of the change that brought it.
"""

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from pangea.core.cause import Cause
from pangea.core.clock import Clock
from pangea.core.headline import Member
from pangea.core.incident import (
    BAD,
    REOPEN_S,
    Incident,
    Step,
    begin,
    follow,
    may_reopen,
)
from pangea.core.leaving import flap, leave
from pangea.core.model import Job, Verdict
from pangea.core.storm import join
from pangea.core.verdict import JobState, Judgement, Transition
from pangea.storage import incidents as stored
from pangea.storage import spans
from pangea.storage.database import Store

from .board import Board
from .causes import Causes
from .decided import Decided
from .flaps import Flaps
from .incident_times import Times
from .incident_writes import write
from .parting import Parting
from .storms import Storms


class Incidents:
    """What is wrong now. ``follow`` is called for each judgement, ``look`` often.

    ``suppressed`` says why a job that is unwell opens no incident at a time (UTC
    seconds), "" if it does.
    """

    def __init__(self, board: Board, store: Store, clock: Clock) -> None:
        self._board, self._store, self._clock = board, store, clock
        self.known: dict[str, Incident] = {}
        self.causes = Causes(board)
        self.parting = Parting(board, self.causes)
        self.flaps = Flaps(board)
        self.suppressed: Callable[[int, float], str] = lambda job, at: ""
        self._of: dict[int, str] = {}
        self._held: dict[int, Transition] = {}
        self._from_before: set[int] = set()
        self._storms = Storms()
        self._times = Times(board)
        board.incident_of = self._id_of

    async def load(self) -> None:
        """Take up what is open; the board is filled already.

        What is unwell and has no incident was suppressed, or is from before there
        were any: it opens one at the first look, unless it is suppressed still.
        """
        now_us = self._now_us()
        since_us = now_us - round(REOPEN_S * 1e6)
        found, changes = await self._store.read(
            lambda: (stored.open_now(since_us), stored.recent_changes(now_us, 20))
        )
        first_us = min((change.at_us for change in changes), default=now_us)
        drills = await self._store.read(lambda: spans.drills_since(first_us))
        for incident in found:
            if not incident.merged_into:
                self._index(incident, incident.members)
                self._storms.resume(incident, now_us)
        self.flaps.load(changes, drills, now_us / 1e6)
        self.flaps.told = {job for i in found if i.is_open for job in i.flapping}
        for job, state in self._board.states.items():
            if state.verdict in BAD and self.open_of(job) is None:
                self._held[job] = _as_change(state)
                self._from_before.add(job)

    def open_of(self, job: int) -> Incident | None:
        """Return the open incident that *job* is a member of."""
        found = self.known.get(self._of.get(job, ""))
        return found if found and found.is_open else None

    def _id_of(self, job: int) -> str:
        found = self.open_of(job)
        return found.id if found else ""

    def all_open(self, org: int) -> list[Incident]:
        """Return what is open, the newest first."""
        mine = [i for i in self.known.values() if i.org == org and i.is_open]
        return sorted(mine, key=lambda i: (-i.opened_us, i.id))

    def follow(self, before: JobState, judged: Judgement, decided: Decided) -> None:
        """Do what a judgement asks for; what is to be written goes to *decided*."""
        self._times.note(judged)
        change, job = judged.transition, self._board.jobs.get(judged.state.job)
        if change is None or job is None:
            return
        self.flaps.changed(change, of_drill=job.id in self._board.drills)
        self._mark_flapping(job.id, change.at_us, decided)
        found = self.open_of(job.id)
        if found is not None and not self._parts(found, job, change, decided):
            why = self._board.blamed.get(job.id, "")
            if why and change.after in BAD:
                change = replace(change, reason=why)
            self.put(follow(found, change, self._times.of(job.id)), decided)
        elif change.after in BAD:
            self._open(job, change, decided)
        if change.after is Verdict.UP:
            self._held.pop(job.id, None)
            self._storms.drop(job.org, job.id)
            self.causes.forget(job.id)
        self._mark_flapping(job.id, change.at_us, decided)

    def look(self) -> Decided:
        """See to what no verdict brings: ends of suppression, of flapping, of jobs."""
        decided, now_us = Decided(), self._now_us()
        for job in self.flaps.look(now_us / 1e6):
            self._mark_flapping(job, now_us, decided)
        for job in list(self._held):
            self._look_at_held(job, now_us, decided)
        for incident in list(self.known.values()):
            if incident.is_open:
                self._look_for_leavers(incident, now_us, decided)
            elif not may_reopen(incident, now_us):
                self._drop(incident)
        return decided

    def release(self, change: Transition, left: str) -> None:
        """Let a job that *left* an incident have one of its own, if it has none.

        It opens at the next look, unless it is suppressed.
        """
        if self._of.get(change.job) == left:
            del self._of[change.job]
        if self.open_of(change.job) is None:
            self._held[change.job] = change

    def put(self, step: Step, decided: Decided) -> None:
        """Take *step*, and have it written and told; also of an old incident."""
        if not (step.entries or step.changed):
            return
        incident = step.incident
        if incident.merged_into:
            self.known.pop(incident.id, None)
            self._storms.over(incident.id)
        elif incident.is_open or may_reopen(incident, self._now_us()):
            self._index(incident, step.changed)
        else:
            self._drop(incident)
        write(step, decided)

    def _open(
        self, job: Job, change: Transition, decided: Decided, opened_us: int = 0
    ) -> None:
        """Open an incident, or join a storm, or go on with one that just closed."""
        at_us = max(change.at_us, opened_us)
        self._held.pop(job.id, None)
        if job.id in self._board.drills:
            # It belongs to nothing that is in earnest, nor that to it.
            self.put(self._begin(job, change, opened_us, ()), decided)
            return
        if self.suppressed(job.id, at_us / 1e6):
            self._held[job.id] = change
            return
        state = self._board.states.get(job.id, JobState(job.id))
        causes = self.causes.of(job, state)
        storm, shared = self._storms.of(job.org, causes, at_us)
        last = self.known.get(self._of.get(job.id, ""))
        if storm is not None:
            self.put(join(storm, member_of(job, change, at_us), shared), decided)
        elif last is not None and _opens_again(last, at_us):
            step = follow(last, replace(change, at_us=at_us), self._times.of(job.id))
            self.put(step, decided)
        else:
            self.put(self._begin(job, change, opened_us, causes), decided)
        self._gather(job, causes, at_us, decided)

    def _parts(
        self, found: Incident, job: Job, change: Transition, decided: Decided
    ) -> bool:
        """Tell whether a member that is unwell again is no longer one of *found*.

        It is on purpose, in maintenance, told of elsewhere, or it was well for long.
        """
        member = found.members[job.id]
        if change.after not in BAD or not member.recovered_us:
            return False
        if job.id in self._board.drills and not found.drill:
            if job.id not in found.flapping:
                return True
            why = "it is drilled"
        else:
            why = self.parting.why_apart(found, job, change.at_us, self.suppressed)
        if why:
            self.put(leave(found, job.id, change.at_us, why), decided)
            self._of.pop(job.id, None)
        return bool(why)

    def _begin(
        self, job: Job, change: Transition, opened_us: int, causes: tuple[Cause, ...]
    ) -> Step:
        first_us, confirmed_us = self._times.of(job.id)
        return begin(
            job.org,
            job.name,
            change,
            first_fail_us=first_us,
            confirmed_us=confirmed_us,
            opened_us=opened_us,
            causes=causes,
            drill=job.id in self._board.drills,
        )

    def _gather(
        self, job: Job, causes: tuple[Cause, ...], at_us: int, decided: Decided
    ) -> None:
        """Make a storm of the incidents that share a cause with this one, if many."""
        mine = self.open_of(job.id)
        if mine is None or mine.is_storm:
            return
        for step in self._storms.form(
            job, at_us, causes, self.open_of, self.known.values()
        ):
            self.put(step, decided)

    def _mark_flapping(self, job: int, at_us: int, decided: Decided) -> None:
        """Let the incident of *job* say that it flaps, or no longer does."""
        incident, flaps = self.open_of(job), self.flaps.is_flapping(job)
        if incident is not None and flaps is not (job in incident.flapping):
            pct = self._board.flaps[job].pct if job in self._board.flaps else 0.0
            self.put(flap(incident, job, pct, at_us, begins=flaps), decided)

    def _look_at_held(self, job: int, now_us: int, decided: Decided) -> None:
        """Open the incident of a job that is unwell and suppressed no longer."""
        change, found = self._held[job], self._board.jobs.get(job)
        at_start = job in self._from_before
        self._from_before.discard(job)
        gone = found is None or self._board.verdict(found) == "paused"
        if found is None or gone or self.open_of(job):
            del self._held[job]
        elif self._board.states[job].verdict in BAD:
            opened_us = change.at_us if at_start else now_us
            if not self.suppressed(job, now_us / 1e6):
                self._open(found, change, decided, opened_us)

    def _look_for_leavers(
        self, incident: Incident, now_us: int, decided: Decided
    ) -> None:
        """Wait no longer for jobs that were removed, stopped or are in maintenance."""
        for number, member in incident.members.items():
            why = "" if member.recovered_us else self.parting.why_left(number)
            if not why:
                continue
            self._storms.drop(incident.org, number)
            self.put(leave(self.known[incident.id], number, now_us, why), decided)
            state = self._board.states.get(number)
            if number in self._board.maintained and state is not None:
                # If it is unwell still when that ends, an incident opens then.
                self._held[number] = _as_change(state)
                if self.open_of(number):
                    del self._of[number]

    def _index(self, incident: Incident, jobs: Iterable[int]) -> None:
        self.known[incident.id] = incident
        if incident.is_storm and incident.is_open:
            self._storms.put(incident)
        else:
            self._storms.over(incident.id)
        for job in jobs:
            held = self.known.get(self._of.get(job, ""), incident)
            # What is added to the past takes nobody out of what is open.
            if incident.is_open or 0 < held.closed_us <= incident.closed_us:
                self._of[job] = incident.id

    def _drop(self, incident: Incident) -> None:
        self.known.pop(incident.id, None)
        self._storms.over(incident.id)
        for job in incident.members:
            if self._of.get(job) == incident.id:
                del self._of[job]

    def _now_us(self) -> int:
        return round(self._clock.wall() * 1e6)


def _opens_again(last: Incident, at_us: int) -> bool:
    """Tell whether its one job opens *last* again; a storm that is over is no more."""
    return not (last.is_storm or last.drill) and may_reopen(last, at_us)


def member_of(job: Job, change: Transition, at_us: int) -> Member:
    """Return *job* as a member of an incident, unwell by *change*."""
    return Member(
        job=job.id,
        name=job.name,
        joined_us=at_us,
        bad_us=at_us,
        verdict=change.after,
        reason=change.reason,
    )


def _as_change(state: JobState) -> Transition:
    """Return what made a stored state unwell, as far as it is known."""
    at_us = round(state.since * 1e6)
    return Transition(state.job, at_us, Verdict.UNKNOWN, state.verdict, state.reason)
