"""Which sums make up a stretch of time: wide ones within, narrow ones at its ends."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from msgspec import Struct


class Piece(Struct, frozen=True):
    """Stretches of ``step`` seconds, one after the other, from ``first`` to ``end``."""

    step: int
    first: int
    end: int

    @property
    def starts(self) -> range:
        """When each of them begins."""
        return range(self.first, self.end, self.step)


def cover(
    since: int, until: int, oldest: Mapping[int, int | None], *, is_open: bool = False
) -> list[Piece]:
    """Return as few pieces as make up *since* to *until* (UTC seconds).

    *oldest* says of each step since when its sums are kept (None: there are none);
    each step divides the next. The beginning is rounded down to the narrowest that
    is kept, the end up. With *is_open* nothing is known after *until*, so that sums
    may reach beyond it.
    """
    kept = reach(oldest)
    if not kept:
        return []
    since = max(since, min(kept.values()))
    begin = next((step for step, first in kept.items() if first <= since), 0)
    pieces: list[Piece] = []
    at = since - since % begin
    while at < until:
        step = _widest(at, until, kept, is_open=is_open)
        if pieces and pieces[-1].step == step:
            pieces[-1] = Piece(step, pieces[-1].first, at + step)
        else:
            pieces.append(Piece(step, at, at + step))
        at += step
    return pieces


def reach(oldest: Mapping[int, int | None]) -> dict[int, int]:
    """Return since when all that there ever was is in the sums of each step.

    Where the oldest sum lies within the oldest one of the next wider step, nothing
    was before it: it has not been forgotten, so it reaches as far back.
    """
    known = {s: first for s, first in sorted(oldest.items()) if first is not None}
    found = dict(known)
    for narrow, wide in reversed(list(pairwise(known))):
        if known[narrow] - known[narrow] % wide == known[wide]:
            found[narrow] = found[wide]
    return found


def _widest(at: int, until: int, kept: Mapping[int, int], *, is_open: bool) -> int:
    """Return the widest step that begins at *at* and does not reach too far."""
    there = [step for step, first in kept.items() if first <= at and at % step == 0]
    fitting = [step for step in there if is_open or at + step <= until]
    return max(fitting) if fitting else min(there)


def uniform(
    since: int, until: int, wanted: int, oldest: Mapping[int, int | None]
) -> tuple[Piece, int]:
    """Return pieces all of one step, and how wide points of about *wanted* s are.

    The step is the widest that is no wider than a point, and reaches back far
    enough; points that are nearly as wide as the next step become that wide.
    """
    steps = sorted(oldest)
    base = max((s for s in steps if s <= wanted), default=steps[0])
    wider = [s for s in steps if s > base]
    if wider and wanted > wider[0] // 2:
        base = wider[0]
    kept = reach(oldest)
    reaching = [s for s, first in kept.items() if s >= base and first <= since]
    base = reaching[0] if reaching else base
    width = base * -(-wanted // base)
    first = since - since % width
    return Piece(base, first, until + -until % base), width


def lists(piece: Piece, most: int) -> Iterator[Sequence[int]]:
    """Yield the beginnings of *piece*, so many at a time."""
    starts = piece.starts
    for at in range(0, len(starts), most):
        yield starts[at : at + most]
