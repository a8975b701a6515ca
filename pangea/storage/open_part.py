"""A part of what is not yet in the rollups."""

from pangea.core.rollup import Tally

from .rollup_rows import Key


class Part:
    """The sums of consecutive rows; ``upto`` is the last of them once closed.

    ``stretches`` and ``workers`` are those that occur in the keys of ``tallies``.
    """

    __slots__ = ("rows", "stretches", "tallies", "upto", "workers")

    def __init__(self) -> None:
        self.tallies: dict[Key, Tally] = {}
        self.stretches: set[tuple[int, int]] = set()
        self.workers: set[int] = set()
        self.rows = 0
        self.upto: int | None = None
