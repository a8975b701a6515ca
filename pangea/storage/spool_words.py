"""The spool's words: stretches of numbers, what is sent of them, what is missing."""

from collections.abc import Iterator

from msgspec import Struct

from pangea.core.model import Gap


class Run(Struct, frozen=True):
    """Rows that follow each other from ``first`` on, and the gaps before them.

    ``boot`` is the boot that they were made in, ``boot_ns`` its clock at each one.
    """

    epoch: str
    first: int
    rows: list[bytes]
    gaps: list[Gap]
    boot: str = ""
    boot_ns: tuple[int, ...] = ()

    @property
    def last(self) -> int:
        """The last number that it speaks of."""
        end = self.first + len(self.rows) - 1
        return max([end, *(gap.last for gap in self.gaps)])

    def parts(self, most_bytes: int) -> Iterator["Run"]:
        """Yield it in parts with rows of so many bytes at most, or of one row."""
        start, size, gaps = 0, 0, self.gaps
        for at, row in enumerate(self.rows):
            size += len(row)
            if size > most_bytes and at > start:
                yield self._part(start, at, gaps)
                start, size, gaps = at, len(row), []
        yield self._part(start, len(self.rows), gaps) if start else self

    def _part(self, start: int, end: int, gaps: list[Gap]) -> "Run":
        first = self.first + start if self.epoch else self.first
        rows, boot_ns = self.rows[start:end], self.boot_ns[start:end]
        return Run(self.epoch, first, rows, gaps, self.boot, boot_ns)


class Lost(Struct):
    """Results that never came into the spool: of each job how many, and why."""

    reason: str
    counts: dict[int, int]
    from_us: int
    to_us: int

    @property
    def total(self) -> int:
        """How many they are."""
        return sum(self.counts.values())

    def note(self, job: int, at_us: int) -> None:
        """Count one more, made at *at_us*."""
        self.counts[job] = self.counts.get(job, 0) + 1
        self.from_us = min(self.from_us, at_us)
        self.to_us = max(self.to_us, at_us)

    def join(self, other: "Lost") -> None:
        """Count what *other* has counted as well."""
        for job, count in other.counts.items():
            self.counts[job] = self.counts.get(job, 0) + count
        self.from_us = min(self.from_us, other.from_us)
        self.to_us = max(self.to_us, other.to_us)

    def gap(self, first: int) -> Gap:
        """Return it as the gap that begins with the number *first*."""
        last = first + self.total - 1
        return Gap(first, last, self.from_us, self.to_us, self.reason, self.counts)


class Epoch(Struct):
    """One stretch of numbers: its rows have the ids above ``base`` up to ``end``.

    ``acked`` is how far it is safe, ``noted`` how much of that the file knows.
    """

    epoch: str
    base: int
    acked: int
    noted: int
    end: int
    boot: str = ""

    @property
    def last(self) -> int:
        """The last sequence number that was given."""
        return self.end - self.base


class Old(Struct, frozen=True):
    """A row that may have to go."""

    id: int
    job: int
    started_us: int
    age: int
    size: int
    rank: int


class Bounds(Struct, frozen=True):
    """How much is kept: bytes in all, seconds, seconds once acknowledged."""

    most_bytes: int = 256 * 1024 * 1024
    keep_s: float = 7 * 86400.0
    acked_s: float = 86400.0


class Counts(Struct, frozen=True):
    """What the spool holds: rows and bytes in all, and how many numbers wait.

    ``gaps`` wait too; ``dropped`` rows became gaps since the start.
    """

    rows: int
    bytes: int
    waiting: int
    gaps: int
    dropped: int
