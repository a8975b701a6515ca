"""Whether a node is there: linked, suspect or lost, and the times for all of it.

Pure: a `Sight` and a moment go in, a `Sight` comes out. All times are seconds of
one monotonic clock, that of the node which looks.
"""

from collections.abc import Container, Mapping
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

#: A worker says that it is there so often.
BEAT_S = 5.0
#: So long after its last word it is suspect: three heartbeats are missing. Two of
#: its peers are asked then.
SUSPECT_S = 3 * BEAT_S
#: So long after its last word, and after the last peer's word for it, it is lost:
#: its link is given up, and its votes are suspended.
LOST_S = 4 * BEAT_S
#: So long after its last word it leaves the electorate of its jobs.
LEAVES_S = 300.0
#: A worker may probe what is its own for a time only (``count:N``) so long after
#: it asked for that; each heartbeat asks.
LEASE_S = 30.0
#: So long after the lease has ended, by our own clock, the job is given to others.
MOVES_AFTER_S = 10.0
#: A worker that was away gets such jobs back after it was here for so long.
SETTLED_S = 60.0
#: When more than half of all workers vanish within so long, it is we who are cut
#: off; votes are frozen then, at most for so long.
VANISH_S = 60.0
FROZEN_S = 300.0


class Presence(StrEnum):
    """What we know of a node now."""

    LINKED = "linked"
    SUSPECT = "suspect"
    LOST = "lost"


class Sight(Struct, frozen=True):
    """What was seen of one node.

    ``heard`` is when it last spoke itself, ``vouched`` when a peer last said that
    it is alive; ``since`` is when it was last linked, until it is linked again.
    """

    presence: Presence
    heard: float
    vouched: float = float("-inf")
    since: float = float("-inf")


def awaited(now: float) -> Sight:
    """Return the sight of a node that may come back: we have only just begun."""
    return Sight(Presence.SUSPECT, now)


def hear(sight: Sight, now: float) -> Sight:
    """Return *sight* after a word of the node itself: it is linked."""
    return replace(
        sight, presence=Presence.LINKED, heard=max(sight.heard, now), since=now
    )


def unlink(sight: Sight, *, farewell: bool = False) -> Sight:
    """Return *sight* after its link broke: suspect, unless it was lost before.

    One that said *farewell* has left, not vanished.
    """
    if sight.presence is not Presence.LINKED:
        return sight
    since = float("-inf") if farewell else sight.since
    return replace(sight, presence=Presence.SUSPECT, since=since)


def vouch(sight: Sight, now: float) -> Sight:
    """Return *sight* after a peer said that the node is alive.

    That keeps it from being lost; it does not link it, nor bring it back.
    """
    return replace(sight, vouched=max(sight.vouched, now))


def age(sight: Sight, now: float) -> Sight:
    """Return *sight* as it is at *now*: silence makes it suspect, then lost."""
    silent = now - sight.heard
    if silent >= LOST_S and now - sight.vouched >= LOST_S:
        return replace(sight, presence=Presence.LOST)
    if silent >= SUSPECT_S and sight.presence is Presence.LINKED:
        return replace(sight, presence=Presence.SUSPECT)
    return sight


class Doubt(Struct, frozen=True):
    """That it is we who are cut off, not they: since when, and who vanished."""

    since: float
    gone: frozenset[int]


def doubt(
    before: Doubt | None, sights: Mapping[int, Sight], now: float
) -> Doubt | None:
    """Return whether we doubt ourselves at *now*, from all nodes by their number.

    It begins when more than half of the nodes that were linked within the last
    minute, and at least two, are not linked any more. It ends when half of them
    are back, and after five minutes in any case.
    """
    away = {n for n, s in sights.items() if s.presence is not Presence.LINKED}
    if before is None:
        recent = {n for n, s in sights.items() if now - s.since < VANISH_S}
        gone = frozenset(recent & away)
        begins = len(gone) >= 2 and 2 * len(gone) > len(recent)
        return Doubt(now, gone) if begins else None
    back = len(before.gone - away)
    over = now - before.since >= FROZEN_S or 2 * back >= len(before.gone)
    return None if over else before


def long_gone(
    seen: Mapping[int, float],
    now: float,
    here: Container[int] = (),
    before: Container[int] = (),
    since: float = 0.0,
) -> set[int]:
    """Return who is so long away that others do without it, as of *now*.

    *seen* is when each was there last, all by one clock; nobody is missed from before
    *since* on. Who was gone *before* is until it is *here*.
    """
    return {
        number
        for number, at in seen.items()
        if number not in here and (number in before or now - max(at, since) >= LEAVES_S)
    }
