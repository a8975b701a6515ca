"""The coordinator, wired: links in, jobs out, verdicts kept."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

from pangea.core.clock import Clock
from pangea.core.errors import StorageError
from pangea.core.liveness import FROZEN_S
from pangea.core.model import PUSHED, Job
from pangea.mesh.identity import Identity
from pangea.mesh.info import NodeInfo
from pangea.storage import results, rollups, rules, verdicts
from pangea.storage import workers as stored_workers
from pangea.storage.database import Store
from pangea.storage.rollups import OpenBuckets, recover
from pangea.vault import Vault
from pangea.web.events import Hub

from .admission import Admission
from .admission_mode import SECRET, AdmissionMode
from .alerting import Alerting
from .board import Board
from .confirming import Confirming
from .decided import Decided
from .dialler import Dialler
from .dispatch import Dispatch
from .following import follow_verdicts
from .heartbeats import Heartbeats
from .incidents import Incidents
from .intake import Intake
from .job_keeper import JobKeeper
from .join_tokens import JoinTokens
from .judging import BACK_S, Judging
from .lag import Lag
from .membership import Membership
from .moving import Moving
from .outages import Outages
from .past import Past
from .planned import Planned
from .reasons import Reasons
from .reception import Reception
from .retention import Retention
from .sickness import Sickness
from .states import decoded
from .walk import walk
from .watch import Watch

log = logging.getLogger(__name__)

TICK_S = 1.0
#: last_seen is written this often, not at every heartbeat.
SEEN_EVERY = 30
FOLD_S = 600.0
FOLD_ROWS = 1_000_000
WARM_S = 3600.0


class Coordinator:
    """Holds the parts together; ``start``, then ``run`` until cancelled, ``stop``."""

    def __init__(
        self,
        store: Store,
        hub: Hub,
        identity: Identity,
        secrets: Callable[[], Sequence[bytes]],
        info: NodeInfo,
        clock: Clock,
        vault: Vault,
        *,
        admission: str = SECRET,
        own_worker: bytes = b"",
        ring: Callable[[], bytes] = bytes,
    ) -> None:
        self.board, self.buckets = Board(), OpenBuckets()
        self.jobs = JobKeeper(store, vault, self.buckets)
        self.store, self.hub, self.clock = store, hub, clock
        self.dispatch = Dispatch(self.board, clock)
        self.judging = Judging(self.board, clock, self._repeat)
        self.intake = Intake(self.board, store, self.judging, self.buckets, hub, clock)
        self.retention = Retention(store, clock, self.intake.forget)
        self.intake.claims.given = self.dispatch.given
        self.intake.claims.may_report = self.dispatch.may_report
        self.watch = Watch(self.board, clock)
        self._follow_verdicts()
        self.moving = Moving(
            self.board, clock, self.dispatch, self.judging, self.intake
        )
        self.admission_mode = AdmissionMode(admission, store)
        self.tokens = JoinTokens(store, vault, identity.public_key, clock)
        self.admission = Admission(
            self.board,
            store,
            identity,
            secrets,
            info,
            clock,
            mode=self.admission_mode,
            tokens=self.tokens,
            own_worker=own_worker,
        )
        self.reception = self._open_reception(identity, ring)
        self.dialler = Dialler(self.reception, self.admission, store, clock)
        self.mesh, self.rotation = self.reception.mesh, self.reception.rotation
        self.rotation.finished.append(self.admission_mode.rotated)
        self.mesh.watch, self.roster = self.watch, self.mesh.roster
        self.heartbeats = Heartbeats(vault, clock)
        #: Held while jobs are changed, so that no change undoes another.
        self.changing = asyncio.Lock()
        self.members = Membership(self)
        self._explain_verdicts()
        self.alerting = Alerting(self, vault)
        self.stopping, self.lag = False, Lag(clock)
        self._folded_at = clock.monotonic()
        self._expire_from = 0.0

    def _follow_verdicts(self) -> None:
        """Make what hears of each verdict at once."""
        self.outages = Outages(self.board)
        self.confirming = Confirming(self.board, self.dispatch, self.watch, self.clock)
        self.dispatch.linked.append(self.confirming.linked)
        self.incidents = Incidents(self.board, self.store, self.clock)

    def _explain_verdicts(self) -> None:
        """Make what knows why verdicts are what they are."""
        self.past = Past(self)
        self.planned = Planned(self)
        self.sickness = Sickness(self)
        self.reasons = Reasons(self)
        follow_verdicts(self)

    def _open_reception(
        self, identity: Identity, ring: Callable[[], bytes]
    ) -> Reception:
        return Reception(
            self.board,
            self.store,
            self.hub,
            self.clock,
            identity=identity,
            admission=self.admission,
            dispatch=self.dispatch,
            intake=self.intake,
            judging=self.judging,
            watch=self.watch,
            moving=self.moving,
            ring=ring,
        )

    async def start(self) -> None:
        """Read what the database holds, and take up the verdicts where they were."""
        now = self.board.started = self.clock.wall()
        await self.retention.load()
        await self.rotation.load()
        await self.admission.load()
        await self.dialler.load()
        await self.mesh.roster.load()
        await self.jobs.begin(round(now * 1e6))
        jobs = await self.jobs.all()
        self.board.defaults = await self.store.read(rules.defaults)
        workers, states = await self.store.read(
            lambda: (stored_workers.all(), verdicts.load_states())
        )
        self.board.load(jobs, workers, list(decoded(states)))
        await self.past.start()
        await self.sickness.load()
        self.watch.start()
        await self.outages.load(self.store)
        await self.incidents.load()
        await self.planned.load()
        await self.alerting.load()
        for job in jobs:
            await self._await_heartbeat(job)
        since = round((now - WARM_S) * 1e6)
        recent = await self.store.read(lambda: results.since(since))
        self.board.remember(recent)
        self.judging.resume(recent, now)

    async def _await_heartbeat(self, job: Job) -> None:
        """Go on waiting for a job that reports by itself."""
        if job.type in PUSHED:
            page = await self.store.read(lambda: results.query(job.id, limit=1))
            last = page.items[0].started_at_us / 1e6 if page.items else None
            self.heartbeats.put(job, last)

    async def run(self) -> None:
        """Take in, expire and fold until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.intake.run(), name="intake")
            tasks.create_task(self._tick(), name="tick")
            tasks.create_task(self.sickness.run(), name="sickness")
            tasks.create_task(self.mesh.run(), name="mesh")
            tasks.create_task(self.reasons.run(self.intake.note), name="reasons")
            tasks.create_task(self.dialler.run(), name="dialler")
            tasks.create_task(self.past.run(), name="corrections")
            tasks.create_task(self.alerting.run(), name="alerting")
            tasks.create_task(self.retention.sealing.run(), name="sealing")
            tasks.create_task(recover(self.store, self.buckets), name="recover")

    async def stop(self, reason: str) -> None:
        """Say goodbye to all workers and fold what is open."""
        self.stopping = self.dialler.stopping = True
        await self.reception.goodbye(reason)
        try:
            async with asyncio.timeout(5):
                await self.intake.drain()
                await self.alerting.stop()
                await self._fold()
                await self._write_seen()
        except (TimeoutError, StorageError) as error:
            log.warning("stopped before everything was written: %s", error)

    async def changed(self, jobs: Iterable[int], *, anew: bool = False) -> None:
        """Carry out what was changed about *jobs*: places, assignments, seats.

        With *anew* they ask another question, and begin without votes.
        """
        touched = [self.board.jobs[j] for j in jobs if j in self.board.jobs]
        for job in touched:
            self.board.place(job)
        self.dispatch.update(jobs)
        ids = [job.id for job in touched]
        decided = self.judging.seat(ids, anew=anew)
        self.past.pauses.look(ids, decided)
        await self.intake.note(decided)

    def run_now(self, job: Job) -> list[str]:
        """Ask the job's linked workers to probe at once; return their names."""
        placed = self.board.placements[job.id].workers
        asked = [w for w in placed if w.id in self.board.connected]
        self.dispatch.run_now(job.id, [w.id for w in asked])
        return [w.name for w in asked]

    def _repeat(self, job: int, worker: int, delay_s: float) -> None:
        self.dispatch.run_now(job, [worker], delay_s)

    async def _tick(self) -> None:
        ticks = 0
        while True:
            await self.lag.sleep(TICK_S)
            ticks += 1
            now = self.clock.wall()
            for worker in self.board.connected:
                self.board.seen[worker] = now
            try:
                await self._look(now)
                await self.planned.look(now)
                await self._expire(now)
                await self.intake.note(self.incidents.look())
                await self.rotation.tick(now)
                if ticks % SEEN_EVERY == 0:
                    await self._write_seen()
                    await self.reception.descriptions.keep_owed()
                    await self.tokens.expire()
                if self._fold_is_due():
                    await self._fold()
                    await self.retention.run()
            except StorageError as error:
                self.intake.trouble = str(error)

    async def _look(self, now: float) -> None:
        """See who is there; while it is we who are cut off, votes stand still."""
        before = self.watch.doubt
        away_changed = self.watch.look()
        if self.watch.doubt and not before:
            self.judging.hold(now + FROZEN_S + BACK_S)
        if (self.watch.doubt is None) != (before is None):
            for org in {w.org for w in self.board.workers.values()}:
                said = {"worker": "", "cut_off": self.watch.doubt is not None}
                self.hub.publish("worker", org, said)
        await self.moving.look(away_changed=away_changed)

    async def _expire(self, now: float) -> None:
        """Let votes expire and reports be missed, while results can be taken in.

        While they cannot, silence says nothing of the targets; afterwards the
        workers have a moment to deliver what waited.
        """
        if self.intake.trouble or self.watch.doubt:
            if self.intake.trouble:
                # The silence of those who could not be heard is no answer.
                self.judging.hold(now + BACK_S)
            self._expire_from = now + BACK_S
        # No longer than that: the clock may have been set back.
        if now < self._expire_from <= now + BACK_S:
            await self.intake.note(Decided())
            return
        await walk(self.board, self.judging.expire, self.intake.note)
        missed = self.heartbeats.missed(self.board.jobs.get)
        if missed:
            try:
                await self.intake.take_own(missed)
            except StorageError:
                self.heartbeats.again(missed)
                raise

    def _fold_is_due(self) -> bool:
        since = self.clock.monotonic() - self._folded_at
        return since >= FOLD_S or self.buckets.rows >= FOLD_ROWS

    async def _fold(self) -> None:
        self._folded_at = self.clock.monotonic()
        await rollups.fold(self.store, self.buckets)

    async def _write_seen(self) -> None:
        seen = {w: round(at * 1e6) for w, at in self.board.seen.items() if at}
        await self.store.write(lambda: stored_workers.touch(seen))
