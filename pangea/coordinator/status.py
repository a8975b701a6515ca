"""How the coordinator is, in counts and sentences."""

import time
from collections.abc import Callable

from pangea import __version__
from pangea.core.model import Worker
from pangea.mesh import rotation
from pangea.web.schema import StatusAnswer, moment
from pangea.web.schema_backups import BackupsStatus

from .concerns import MOST, concerns
from .coordinator import Coordinator
from .greeting import JoinLines
from .incident_answers import incident_answer


class Status:
    """Makes the answer to ``pangea status``."""

    def __init__(self, coordinator: Coordinator, name: str) -> None:
        self._c = coordinator
        self._name = name
        self._started = coordinator.clock.wall()
        self._rate = Rate()
        #: What else may be wrong: each returns sentences for a person.
        self.more: list[Callable[[], list[str]]] = []
        self.backup: Callable[[], BackupsStatus | None] = lambda: None

    def answer(self, org: int, join: JoinLines) -> StatusAnswer:
        """Return the counts, the health, the next step, and how to *join*."""
        board = self._c.board
        jobs = [j for j in board.jobs.values() if j.org == org]
        known = [w for w in board.workers.values() if w.org == org]
        workers = [w for w in known if w.state == "approved"]
        here = sum(w.id in board.connected for w in workers)
        bad = self._c.incidents.all_open(org)
        now_us = round(self._c.clock.wall() * 1e6)
        return StatusAnswer(
            name=self._name,
            version=__version__,
            started_at=moment(round(self._started * 1e6)),
            now=moment(now_us),
            verdicts=board.counts(org),
            jobs=len(jobs),
            workers=len(workers),
            workers_connected=here,
            results_per_s=self._rate.of(self._c.intake.taken, time.monotonic()),
            trouble=self._trouble(here) + self._admission(known),
            next=_next([(board.verdict(job), job.name) for job in jobs], here),
            join=join.token,
            join_secret=join.secret,
            only_here=join.only_here,
            concerns=concerns(self._c, org),
            confirming=len(self._c.confirming.open),
            confirm_waiting=self._c.confirming.waiting,
            detection_s=self._c.outages.took_s,
            incidents_open=len(bad),
            incidents=[incident_answer(board, i, now_us) for i in bad[:MOST]],
            backup=self.backup(),
            storage=self._c.retention.sealing.room.told,
            workers_resting=sum(w.id in board.resting for w in workers),
        )

    def _admission(self, known: list[Worker]) -> list[str]:
        """Return who waits for a person, and why the secret alone lets nobody in."""
        pending = sum(w.state == "pending" for w in known)
        turn = self._c.rotation
        stage = rotation.stage(turn.ring) if turn.file else "none"
        said = [self._c.admission_mode.trouble(stage)]
        if pending:
            verb = "worker waits" if pending == 1 else "workers wait"
            said.append(f"{pending} {verb} for approval: pangea worker list")
        return [sentence for sentence in said if sentence]

    def _trouble(self, connected: int) -> list[str]:
        trouble = [line for tell in self.more for line in tell()]
        trouble += self._c.retention.sealing.trouble()
        if self._c.intake.trouble:
            trouble.append(f"results cannot be stored: {self._c.intake.trouble}")
        if self._c.watch.doubt:
            gone = len(self._c.watch.doubt.gone)
            trouble.append(
                f"{gone} workers vanished at once, so this coordinator seems to be cut "
                "off: verdicts are frozen; check its network"
            )
        if not connected:
            trouble.append("no worker is connected, so nothing is being probed")
        return trouble


def _next(jobs: list[tuple[str, str]], connected: int) -> str:
    """Return the next step for somebody who sees these verdicts and names."""
    down = sorted(name for verdict, name in jobs if verdict == "down")
    if not connected:
        return "join a worker: see `pangea run --help` or start with a local one"
    if not jobs:
        return "add a first job: pangea job add http example.com"
    if down:
        return f"see why: pangea job show {down[0]}"
    return "watch it: pangea status --watch"


class Rate:
    """Events a second, from a counter that is read now and then."""

    def __init__(self) -> None:
        self._last = (0, time.monotonic())
        self._rate = 0.0

    def of(self, count: int, now: float) -> float:
        """Return the rate since the last reading at least a second ago."""
        before, at = self._last
        if now - at >= 1.0:
            self._rate = (count - before) / (now - at)
            self._last = (count, now)
        return round(self._rate, 2)
