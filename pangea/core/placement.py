"""Which workers run a job: ``all``, ``count:N``, ``tag:K=V`` or their names."""

import hashlib
from collections.abc import Mapping, Sequence, Set

from msgspec import Struct, field
from msgspec.structs import replace

from .errors import UsageError
from .model import PUSHED, Job, Worker

#: Names in ``Worker.lacks`` beside the probe types: what only some jobs need.
IPV6 = "ipv6"
HTTP2 = "http2"


class Placement(Struct, frozen=True):
    """Where a job runs, and per worker name why it does not.

    ``slots`` is each worker's place on the job's phase grid, which has ``places``;
    those beyond it are of workers that are long gone. ``takes`` is a move
    that goes on: a worker that has not reported yet, and the one whose seat it
    takes, which goes on until then. ``seats`` are the workers whose votes count.
    """

    workers: tuple[Worker, ...]
    refused: dict[str, str]
    slots: dict[int, int] = field(default_factory=dict)
    takes: dict[int, int] = field(default_factory=dict)
    seats: tuple[int, ...] = ()
    left: int = 0

    @property
    def places(self) -> int:
        """How many workers share the interval."""
        return len(self.slots) - self.left

    @property
    def running(self) -> dict[int, int]:
        """The workers that probe it, each with its slot; also those that leave."""
        if not self.takes:
            return self.slots
        leaving = {old: self.slots[new] for new, old in self.takes.items()}
        return leaving | self.slots


def check_on(on: str) -> str:
    """Return *on* if it can be understood, else raise UsageError."""
    kind, _, rest = on.partition(":")
    if on == "all" or (kind == "tag" and rest.partition("=")[0] and "=" in rest):
        return on
    if kind == "count" and rest.isascii() and rest.isdigit() and int(rest) > 0:
        return on
    if on and ":" not in on and all(part.strip() for part in on.split(",")):
        return ",".join(part.strip() for part in on.split(","))
    raise UsageError(
        f"cannot read {on!r} as workers",
        hint="use all, count:2, tag:site=hel or names joined by commas",
    )


def place(
    job: Job,
    workers: Sequence[Worker],
    away: Set[int] = frozenset(),
    cannot: Mapping[tuple[int, int], str] | None = None,
    gone: Set[int] = frozenset(),
) -> Placement:
    """Return the workers that probe *job* now, in a stable order.

    None probes what reports by itself.

    Only approved ones that can run it and on which it was not stopped. ``count:N``
    picks by rendezvous hashing, so that a worker that joins or leaves moves as few
    jobs as possible; those that are *away* or draining are its last choice.
    *cannot* holds what a worker (job, worker) said itself that it cannot ask. Those
    that are *gone* for long keep their seats, and the others share the interval.
    """
    if job.type in PUSHED:
        return Placement((), {})
    able, refused = [], {}
    for worker in workers:
        if worker.state != "approved" or not named(job, worker):
            continue
        why = refusal(job, worker, cannot or {})
        if why:
            refused[worker.name] = why
        else:
            able.append(worker)
    if is_counted(job):
        wanted = int(job.on.partition(":")[2])
        able = sorted(able, key=lambda w: _rank(job.id, w, away))[:wanted]
    running = [w for w in able if w.name not in job.stopped_on]
    if not job.enabled:
        running = []
    running.sort(key=lambda w: w.id)
    seats = tuple(w.id for w in running)
    left = 0 if is_counted(job) else sum(w in gone for w in seats) % max(len(seats), 1)
    grid = sorted(seats, key=gone.__contains__) if left else seats
    slots = {worker: slot for slot, worker in enumerate(grid)}
    return Placement(tuple(running), refused, slots, seats=seats, left=left)


def follow(before: Placement, after: Placement, here: Set[int]) -> Placement:
    """Return *after* as it follows *before*, of a job that moves: ``count:N``.

    Who stays keeps its slot, and who comes gets one that became free, so that a
    move bunches nothing. The worker whose slot it was goes on, if it is *here*,
    until the new one has reported.
    """
    if len(before.slots) != len(after.slots):
        return after
    slots = {w: slot for w, slot in before.slots.items() if w in after.slots}
    free = {slot: w for w, slot in before.slots.items() if w not in slots}
    takes = {new: old for new, old in before.takes.items() if new in slots}
    for new in sorted(after.slots.keys() - slots.keys()):
        slot, old = free.popitem()
        slots[new] = slot
        # Who comes back while its successor has not begun has never left.
        old = before.takes.get(old, old)
        if old != new:
            takes[new] = old
    takes = {new: old for new, old in takes.items() if old in here and old not in slots}
    return replace(after, slots=slots, takes=takes, seats=_seats(slots, takes))


def settled(placement: Placement, worker: int) -> Placement:
    """Return *placement* after *worker* has reported: its move is over."""
    takes = {new: old for new, old in placement.takes.items() if new != worker}
    seats = _seats(placement.slots, takes)
    return replace(placement, takes=takes, seats=seats)


def _seats(slots: dict[int, int], takes: dict[int, int]) -> tuple[int, ...]:
    return tuple(sorted(takes.get(worker, worker) for worker in slots))


def is_counted(job: Job) -> bool:
    """Tell whether *job* runs on so many workers, whichever they are."""
    return job.on.startswith("count:")


def refusal(job: Job, worker: Worker, cannot: Mapping[tuple[int, int], str]) -> str:
    """Return why *worker* cannot run *job*, "" if it can."""
    if job.type not in worker.probes:
        return worker.lacks.get(job.type, f"its version has no {job.type} probe")
    for need in (job.type, *_needs(job)) if worker.lacks else ():
        if need in worker.lacks:
            return worker.lacks[need]
    return cannot.get((job.id, worker.id), "")


def _needs(job: Job) -> list[str]:
    """Return what *job* needs of a worker beside its probe."""
    needs = []
    if job.options.get("family") == "ipv6" or _is_ipv6(job.target):
        needs.append(IPV6)
    if job.options.get("http2") == "require":
        needs.append(HTTP2)
    return needs


def _is_ipv6(target: str) -> bool:
    """Tell whether *target* can be nothing but an IPv6 address."""
    _, _, rest = target.rpartition("//")
    return rest.startswith("[") or (rest.count(":") > 1 and "/" not in rest)


def named(job: Job, worker: Worker) -> bool:
    """Tell whether *job* shall run on *worker* by what it says of its place."""
    kind, _, rest = job.on.partition(":")
    if job.on == "all" or kind == "count":
        return True
    if kind == "tag":
        key, _, value = rest.partition("=")
        return worker.tags.get(key) == value
    return worker.name in job.on.split(",")


def _rank(job: int, worker: Worker, away: Set[int]) -> tuple[int, bytes]:
    last = 2 * (worker.id in away) + worker.draining
    return last, _weight(job, worker.key)


def _weight(job: int, key: bytes) -> bytes:
    return hashlib.blake2b(job.to_bytes(8, "big") + key, digest_size=8).digest()
