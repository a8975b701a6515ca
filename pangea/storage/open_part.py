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

    __slots__ = ("rows", "shards", "stretches", "upto", "workers")

    def __init__(self) -> None:
        self.shards: list[dict[Key, Tally]] = [{} for _ in range(SHARDS)]
        self.stretches: set[tuple[int, int]] = set()
        self.workers: set[int] = set()
        self.rows = 0
        self.upto: int | None = None

    def find(self, key: Key) -> Tally | None:
        """Return the sums under a key."""
        return self.shards[shard_of(key[2])].get(key)

    def tally(self, key: Key) -> Tally:
        """Return the sums under a key, new ones if need be."""
        shard = self.shards[shard_of(key[2])]
        found = shard.get(key)
        if found is None:
            found = shard[key] = Tally()
            self.stretches.add(key[:2])
            self.workers.add(key[3])
        return found


class Open(Protocol):
    """What is not yet in the rollups."""

    @property
    def parts(self) -> Sequence[Part]:
        """Return the parts, oldest first."""
        ...
