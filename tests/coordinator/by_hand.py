"""A coordinator with a clock that is set by hand: no tasks, no links, no waiting."""

from pangea.coordinator.coordinator import Coordinator
from pangea.coordinator.dispatch import Outbox
from pangea.core.model import Job, Outcome, Result, Worker
from pangea.mesh import identity
from pangea.mesh.info import NodeInfo
from pangea.storage import ingest
from pangea.storage import jobs as stored_jobs
from pangea.storage import workers as stored_workers
from pangea.storage.database import Store
from pangea.vault import Vault
from pangea.web.events import Hub
from tests.engines import begun

BEGIN = 1_700_000_000.0
SECRET, VAULT = b"s" * 32, Vault(b"x" * 32)
CONFIRM, DRILL = 16, 128


class Hand:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = BEGIN

    def wall(self):
        return self.now

    def monotonic(self):
        return self.now - 1_600_000_000.0

    boot = monotonic


class ByHand:
    """A coordinator that can be stopped and started; time passes in ``steps``."""

    def __init__(self, place):
        self.place, self.clock = place, Hand()
        self.runs, self.sequence = [], {}

    async def open(self, jobs=(), workers=0):
        """Start it, after *jobs* and so many workers were added."""
        self.store = await Store.open(begun(self.place / "pangea.db"))
        for number in range(1, workers + 1):
            made = worker(number)
            await self.store.write(lambda made=made: stored_workers.register(made))
        await self.store.write(lambda: [stored_jobs.add(each) for each in jobs])
        self.c = Coordinator(
            self.store,
            Hub(),
            identity.load_or_create(self.place / "node.key"),
            lambda: [SECRET],
            NodeInfo(role="coordinator", name="c", boot="0" * 32),
            self.clock,
            VAULT,
        )
        await self.c.start()
        self.board = self.c.board
        self.board.connected = set(self.board.workers)
        self.board.place_all()
        for number in self.board.workers:
            await self.c.dispatch.link(number, Outbox())
        self.c.dispatch.run_now = self._run_now
        await self.c.intake.note(self.c.judging.seat(list(self.board.jobs)))
        return self

    def _run_now(self, job, workers, delay_s=0.0):
        self.runs += [(self.clock.now + delay_s, job, w) for w in workers]

    async def close(self):
        self._silence()
        await self.store.close()

    async def again(self, after=2.0):
        """Stop it, and start it *after* so many seconds."""
        await self.close()
        self.clock.now += after
        await self.open()

    def row(self, job, worker, ok=True, **more):
        """Return a result of now."""
        said = {
            "job": job,
            "worker": worker,
            "started_at_us": round(self.clock.now * 1e6),
            "duration_ms": 5.0,
            "outcome": Outcome.OK if ok else Outcome.FAILED,
            "reason": "" if ok else "refused",
        }
        return Result(**said | more)

    async def hear(self, rows):
        """Judge and store *rows*."""
        self.c.intake.hearing.judge(rows)
        by_worker = {}
        for row in rows:
            by_worker.setdefault(row.worker, []).append(row)
        intakes = []
        for number, said in by_worker.items():
            first = self.sequence.get(number, 1)
            self.sequence[number] = first + len(said)
            intakes.append(
                ingest.Intake(worker=number, epoch=f"e{number}", first=first, rows=said)
            )
        await self.c.intake._committing.commit(intakes)

    async def steps(self, seconds, ok):
        """Let seconds pass; ``ok(job, worker)`` tells what probes find."""
        for _ in range(seconds):
            self.clock.now += 1
            rows = [self._probe(j, w, 0, ok) for j, w in self._due()]
            due = [run for run in self.runs if run[0] <= self.clock.now]
            self.runs = [run for run in self.runs if run[0] > self.clock.now]
            rows += [
                self._probe(j, w, CONFIRM, ok)
                for _, j, w in due
                if w in self.board.connected and w in self.board.placed(j)
            ]
            if rows:
                await self.hear(rows)
            await self.tick()

    def _due(self):
        for job in self.board.jobs:
            for number in self.board.placed(job):
                turn = (int(self.clock.now) + job * 3 + number) % 10 == 0
                if number in self.board.connected and turn:
                    yield job, number

    def _probe(self, job, number, flags, ok):
        if self.board.drills.get(job):
            flags |= DRILL
            return self.row(job, number, False, reason="drill", flags=flags)
        return self.row(job, number, ok(job, number), flags=flags)

    async def tick(self):
        """Do what the coordinator does each second."""
        c, now, board = self.c, self.clock.now, self.board
        board.seen.update(dict.fromkeys(board.connected, now))
        board.lost = {
            w
            for w in board.workers
            if w not in board.connected and now - board.seen.get(w, 0.0) > 10
        }
        await c.planned.look(now)
        await c._expire(now)
        await c.intake.note(c.incidents.look())
        await c.intake.note(c.sickness.look())
        await c.intake.note(c.reasons.explaining.look()[0])
        if c.confirming.open:
            c.confirming._look()
        self._silence()

    def _silence(self):
        self.c.confirming._alarm.hush()

    async def drill(self, job, seconds=300.0):
        """Drill *job* until it is down."""
        _, decided = self.c.planned.drills.begin(self.board.jobs[job], seconds, "me")
        await self.c.intake.note(decided)
        for number in self.board.placed(job):
            self.clock.now += 0.3
            said = self.row(job, number, False, reason="drill", flags=DRILL)
            await self.hear([said])
        await self.tick()
        assert self.incident(job).drill

    def incident(self, job):
        """Return the open incident of *job*."""
        return self.c.incidents.open_of(job)

    def verdict(self, job):
        return str(self.board.states[job].verdict)


def well(job, worker):
    return True


def dead(job, worker):
    return False


def job(number, **more):
    """Return a job that is not stored yet."""
    said = {
        "id": 0,
        "name": f"j{number}",
        "type": "http",
        "target": f"http://192.0.2.{number}/",
        "interval_s": 10.0,
        "timeout_s": 2.0,
    }
    return Job(**said | more)


def worker(number):
    key = bytes([number]) * 32
    return Worker(
        id=0,
        key=key,
        name=f"w{number}",
        trusted=True,
        probes=("http", "tcp"),
        last_seen_us=round(BEGIN * 1e6),
    )
