"""A job's past as one row: what it was, stretch after stretch, without a hole.

The same pieces that ``core.uptime`` adds up, in order of time.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from .uptime import Span


class Stretch(Struct, frozen=True):
    """A stretch that was one thing: one of ``uptime.KINDS``."""

    kind: str
    span: Span


def timeline(kinds: Mapping[str, Sequence[Span]]) -> list[Stretch]:
    """Return what ``uptime.kinds`` found in order of time; neighbours differ."""
    found = [Stretch(kind, span) for kind, spans in kinds.items() for span in spans]
    return _joined(sorted(found, key=lambda stretch: stretch.span))


def coarser(stretches: Sequence[Stretch], most: int) -> list[Stretch]:
    """Return at most *most* stretches: the shortest that are up go first, then others.

    What goes becomes part of the one before it, so that there is no hole.
    """
    left = list(stretches)
    while len(left) > most:
        # A blink of being well between two outages says least.
        length = min(_weight(one) for one in left)
        kept = [one for one in left if _weight(one) > length]
        left = _joined(_filled(kept or left[:1], stretches))
    return left


def _weight(stretch: Stretch) -> tuple[bool, int]:
    return stretch.kind != "up", stretch.span.end_us - stretch.span.begin_us


def _filled(kept: Sequence[Stretch], whole: Sequence[Stretch]) -> list[Stretch]:
    """Let each of *kept* last until the next begins, over all that *whole* spans."""
    begins = [whole[0].span.begin_us, *(one.span.begin_us for one in kept[1:])]
    ends = [*begins[1:], whole[-1].span.end_us]
    return [
        Stretch(one.kind, Span(begin, end))
        for one, begin, end in zip(kept, begins, ends, strict=True)
    ]


def _joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    found: list[Stretch] = []
    for one in stretches:
        last = found[-1] if found else None
        if last and last.kind == one.kind:
            span = Span(last.span.begin_us, one.span.end_us)
            found[-1] = Stretch(last.kind, span)
        else:
            found.append(one)
    return found
