"""Who needs somebody, and what to do: lost, by a peer, unwell, off in time."""

from collections import Counter
from collections.abc import Iterator

from pangea.core.durations import clock_words, format_duration
from pangea.core.liveness import Presence
from pangea.core.model import Worker
from pangea.mesh import rotation
from pangea.web.schema import Concern

from .coordinator import Coordinator
from .withheld import WITHHELD
from .worker_answers import OFFSET_BAD_MS

#: More than a person reads at once are counted only.
MOST = 20


def concerns(coordinator: Coordinator, org: int) -> list[Concern]:
    """Return what a person of *org* may mend, the most pressing first."""
    board = coordinator.board
    mine = [
        worker
        for worker in board.workers.values()
        if worker.org == org and worker.state == "approved"
    ]
    mine.sort(key=lambda worker: worker.name)
    found = [
        *(told for worker in mine for told in _absent(coordinator, worker)),
        *(told for worker in mine for told in _linked(coordinator, worker)),
        *_withheld(coordinator, mine),
        *_rotation(coordinator),
    ]
    if len(found) > MOST:
        more = f"and {len(found) - MOST + 1} more of that kind"
        rest = Concern(about="", what=more, next="pangea worker list")
        found = [*found[: MOST - 1], rest]
    return found


def _absent(coordinator: Coordinator, worker: Worker) -> Iterator[Concern]:
    """Yield that *worker* is lost, or out of our own reach."""
    board, name = coordinator.board, worker.name
    if worker.id in board.connected:
        return
    if via := coordinator.mesh.alive_via(worker.id):
        yield Concern(
            about=name,
            what=f"unreachable from here, alive via {via}",
            next=f"look at the network between the two; pangea worker show {name}",
        )
    elif coordinator.watch.presence(worker.id) is Presence.LOST:
        seen = board.seen.get(worker.id)
        ago = max(coordinator.clock.wall() - seen, 0.0) if seen else 0.0
        told = f", last seen {format_duration(round(ago))} ago" if seen else ""
        yield Concern(
            about=name,
            what=f"lost{told}",
            next="on its machine: pangea doctor; if it is gone for good: "
            f"pangea worker remove {name}",
        )


def _linked(coordinator: Coordinator, worker: Worker) -> Iterator[Concern]:
    """Yield what is wrong with the link of *worker*, and with its clock."""
    path = coordinator.reception.path(worker.id)
    if path.startswith("via "):
        yield Concern(
            about=worker.name,
            what=f"reaches this coordinator only {path}",
            next="on its machine: pangea doctor",
        )
    if cause := coordinator.sickness.cause(worker.id):
        yield Concern(
            about=worker.name,
            what=f"what it fails does not count: {cause}",
            next=f"pangea worker show {worker.name}; on its machine: pangea doctor",
        )
    vitals = coordinator.reception.vitals(worker.id)
    if vitals and abs(vitals.offset_us) > OFFSET_BAD_MS * 1000:
        off = clock_words(-vitals.offset_us / 1e6, "the coordinator")
        yield Concern(
            about=worker.name,
            what=f"its clock is {off}",
            next="let NTP set it; until then its times are corrected here",
        )


def _withheld(coordinator: Coordinator, workers: list[Worker]) -> Iterator[Concern]:
    """Yield for whom jobs wait until a person approves it."""
    doubted = {worker.name for worker in workers if not worker.trusted}
    if not doubted:
        return
    board = coordinator.board
    kept = Counter(
        name
        for job in board.jobs.values()
        if job.enabled and (placement := board.placements.get(job.id))
        for name, why in placement.refused.items()
        if name in doubted and why.startswith(WITHHELD)
    )
    for name, count in sorted(kept.items()):
        jobs = "1 job is" if count == 1 else f"{count} jobs are"
        yield Concern(
            about=name,
            what=f"untrusted: {jobs} withheld from it for their credentials",
            next=f"compare its id, then: pangea worker approve {name}",
        )


def _rotation(coordinator: Coordinator) -> Iterator[Concern]:
    """Yield how far a rotation of the secret is, while one is under way."""
    turn = coordinator.rotation
    stage = rotation.stage(turn.ring) if turn.file else "none"
    if stage == "started":
        yield Concern(
            about="",
            what="a rotation of the secret is under way: the next one is made",
            next=rotation.NEXT_STEP[stage],
        )
    elif stage == "used":
        late = [worker.name for worker in turn.stragglers()]
        told = (
            f"missing on the new one: {', '.join(late[:3])}" if late else "all have it"
        )
        more = f" and {len(late) - 3} more" if len(late) > 3 else ""
        yield Concern(
            about="",
            what=f"a rotation of the secret is under way; {told}{more}",
            next=rotation.NEXT_STEP[stage],
        )
