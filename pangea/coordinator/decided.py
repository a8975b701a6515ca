"""What judging changed, on its way into the database and to open pages."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from pangea.core.verdict import Transition
from pangea.core.votes import VoteChange


class Decided(Struct):
    """What one round of judging changed, to be written in one transaction.

    ``writes`` run in that transaction, after the rest; ``told`` is published (kind,
    organisation, words) once it is committed. ``drilled`` are the transitions of
    drills, each as its job and time.
    """

    changes: list[VoteChange] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    writes: list[Callable[[], None]] = field(default_factory=list)
    told: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)
    drilled: set[tuple[int, int]] = field(default_factory=set)

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(
            self.changes or self.transitions or self.touched or self.writes or self.told
        )

    def add(self, later: "Decided") -> None:
        """Take in what was decided after this."""
        self.changes += later.changes
        self.transitions += later.transitions
        self.touched |= later.touched
        self.writes += later.writes
        self.told += later.told
        self.drilled |= later.drilled

    def before(self, later: "Decided") -> "Decided":
        """Return this and what was decided after it."""
        self.add(later)
        return self
