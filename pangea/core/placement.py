"""Which workers run a job: ``all``, ``count:N``, ``tag:K=V`` or their names."""

import hashlib
from collections.abc import Sequence

from msgspec import Struct

from .errors import UsageError
from .model import PUSHED, Job, Worker


class Placement(Struct, frozen=True):
    """Where a job runs, and per worker name why it does not."""

    workers: tuple[Worker, ...]
    refused: dict[str, str]


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


def place(job: Job, workers: Sequence[Worker]) -> Placement:
    """Return the workers that probe *job* now, in a stable order.

    None probes what reports by itself.

    Only approved ones that can run its probe type and on which it was not
    stopped; ``count:N`` picks by rendezvous hashing, so that a worker that joins
    or leaves moves as few jobs as possible.
    """
    if job.type in PUSHED:
        return Placement((), {})
    chosen = [w for w in workers if w.state == "approved" and _named(job, w)]
    able = [w for w in chosen if job.type in w.probes and job.type not in w.lacks]
    refused = {
        w.name: w.lacks.get(job.type, f"its version has no {job.type} probe")
        for w in chosen
        if w not in able
    }
    kind, _, rest = job.on.partition(":")
    if kind == "count":
        able = sorted(able, key=lambda w: _weight(job.id, w.key))[: int(rest)]
    running = [w for w in able if w.name not in job.stopped_on]
    if not job.enabled:
        running = []
    return Placement(tuple(sorted(running, key=lambda w: w.id)), refused)


def _named(job: Job, worker: Worker) -> bool:
    kind, _, rest = job.on.partition(":")
    if job.on == "all" or kind == "count":
        return True
    if kind == "tag":
        key, _, value = rest.partition("=")
        return worker.tags.get(key) == value
    return worker.name in job.on.split(",")


def _weight(job: int, key: bytes) -> bytes:
    return hashlib.blake2b(job.to_bytes(8, "big") + key, digest_size=8).digest()
