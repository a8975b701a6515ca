"""A part of what is not yet in the rollups."""

from collections.abc import Sequence
from typing import Protocol

from pangea.core.rollup import Tally

from .folded import SHARDS, shard_of
from .rollup_rows import Key


class Part:
    """The sums of consecutive rows; ``upto`` is the last of them once closed.

    ``stretches`` and ``workers`` are those that occur in the keys.
    """

    __slots__ = ("_numbers", "rows", "shards", "stretches", "upto", "workers")

    def __init__(self) -> None:
        self.shards: list[dict[Key, Tally]] = [{} for _ in range(SHARDS)]
        self.stretches: set[tuple[int, int]] = set()
        self.workers: set[int] = set()
        self.rows = 0
        #: Each number once, for there are far more keys than numbers in them.
        self._numbers: dict[int, int] = {}
        self.upto: int | None = None

    def find(self, key: Key) -> Tally | None:
        """Return the sums under a key."""
        return self.shards[shard_of(key[2])].get(key)

    def tally(self, key: Key) -> Tally:
        """Return the sums under a key, new ones if need be."""
        shard = self.shards[shard_of(key[2])]
        found = shard.get(key)
        if found is None:
            one = self._numbers.setdefault
            step, start, job, worker = key
            kept = (one(step, step), one(start, start), one(job, job), worker)
            found = shard[kept] = Tally()
            self.stretches.add(kept[:2])
            self.workers.add(worker)
        return found


class Open(Protocol):
    """What is not yet in the rollups."""

    @property
    def parts(self) -> Sequence[Part]:
        """Return the parts, oldest first."""
        ...
