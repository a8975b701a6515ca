"""The strip of a job's past: stretches of one thing each, side by side.

Every moment of the range is exactly one kind of ``KINDS``. What is too short to be
seen is drawn as wide as LEAST, the worse kind before the better one.
"""

from collections.abc import Sequence

from msgspec import Struct

#: The worst first: where several share a pixel, the first is seen.
KINDS = (
    "down",
    "degraded",
    "unknown",
    "no_data",
    "drill",
    "maintenance",
    "paused",
    "up",
)
#: Of a strip that is WIDE units, the narrowest that can still be seen.
WIDE, LEAST = 1000.0, 2.0


class Piece(Struct, frozen=True):
    """A stretch of one kind, in seconds of UTC."""

    kind: str
    begin_s: float
    end_s: float


class Block(Struct, frozen=True):
    """A piece as drawn: ``left`` and ``width`` of WIDE units."""

    kind: str
    left: float
    width: float


def joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Return *pieces* with neighbours of the same kind as one."""
    found: list[Piece] = []
    for piece in pieces:
        last = found[-1] if found else None
        if last and last.kind == piece.kind and piece.begin_s <= last.end_s:
            found[-1] = Piece(last.kind, last.begin_s, max(last.end_s, piece.end_s))
        elif piece.end_s > piece.begin_s:
            found.append(piece)
    return found


def strip(pieces: Sequence[Piece], begin_s: float, end_s: float) -> list[Block]:
    """Return the blocks of a range, the better kinds first, to be drawn over."""
    span = max(end_s - begin_s, 1e-9)
    found = []
    for piece in joined(pieces):
        left = max((piece.begin_s - begin_s) / span, 0.0) * WIDE
        right = min((piece.end_s - begin_s) / span, 1.0) * WIDE
        if right <= 0 or left >= WIDE:
            continue
        width = max(right - left, LEAST)
        found.append(Block(piece.kind, min(left, WIDE - width), width))
    return sorted(found, key=lambda block: -rank(block.kind))


def rank(kind: str) -> int:
    """Return how bad a kind is: 0 is the worst."""
    return KINDS.index(kind) if kind in KINDS else KINDS.index("unknown")


def place(at_s: float, begin_s: float, end_s: float) -> float | None:
    """Return where a moment stands as a share of the range, None if outside."""
    if not begin_s <= at_s <= end_s or end_s <= begin_s:
        return None
    return (at_s - begin_s) / (end_s - begin_s)
