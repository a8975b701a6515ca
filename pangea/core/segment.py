"""Segments: who must and who must not reach whom, held against what was found."""

from enum import StrEnum

from msgspec import Struct

#: The label of a job that says to which segment it belongs.
LABEL = "segment"


class Reach(StrEnum):
    """What a worker found of a target, seen by what it must do."""

    REACHES = "reaches, as it must"
    CUT = "is cut, as it must"
    LEAKS = "REACHES BUT MUST NOT"
    MISSES = "cannot reach"
    UNTOLD = "could not tell"


class Cell(Struct, frozen=True, kw_only=True):
    """What one worker found of one target, ``must`` it ``reach`` it or ``not``."""

    segment: str
    job: str
    type: str
    target: str
    worker: str
    must: str
    found: Reach
    why: str = ""
    at: str = ""

    @property
    def row(self) -> tuple[str, str, str]:
        """Where it stands in the matrix."""
        return self.segment, self.type, self.target


def reach(expect: str, outcome: str, *, sick: bool = False) -> Reach:
    """Return what a result with *outcome* says, of a job that expects *expect*.

    The outcome of what must not answer is swapped already: ``ok`` is silence. What
    a *sick* worker did not reach, it cannot tell; that it reached it is true.
    """
    if expect == "fail":
        if outcome == "failed":
            return Reach.LEAKS
        return Reach.CUT if outcome == "ok" and not sick else Reach.UNTOLD
    if outcome == "ok":
        return Reach.REACHES
    return Reach.MISSES if outcome == "failed" and not sick else Reach.UNTOLD


def exit_code(found: list[Reach]) -> int:
    """Return 1 if anything is not as it must be, else 4 if something is not known."""
    if Reach.LEAKS in found or Reach.MISSES in found:
        return 1
    return 4 if Reach.UNTOLD in found else 0
