"""Who is there: linked, suspect or lost, and whose leases have ended."""

import logging

from msgspec.structs import replace

from pangea.core.clock import Clock
from pangea.core.liveness import (
    LEASE_S,
    LEAVES_S,
    MOVES_AFTER_S,
    SETTLED_S,
    Doubt,
    Presence,
    Sight,
    age,
    awaited,
    doubt,
    hear,
    unlink,
    vouch,
)

from .board import Board

log = logging.getLogger(__name__)

#: Looks are a second apart; one that comes so late was held up by ourselves.
HELD_UP_S = 2.0
#: A worker that no person has approved is known after so long.
KNOWN_S = 600.0
#: From this version of the mesh on a worker keeps to its lease.
LEASED_SINCE = 2


class Watch:
    """Keeps the board's ``lost`` and ``away`` true; ``look`` every second.

    ``doubt`` is set while it is we who seem cut off: nobody is lost then, and
    nothing moves.
    """

    def __init__(self, board: Board, clock: Clock) -> None:
        self._board = board
        self._clock = clock
        self.sights: dict[int, Sight] = {}
        self.doubt: Doubt | None = None
        self._leased_until: dict[int, float] = {}
        self._back_since: dict[int, float] = {}
        self._looked = clock.monotonic()

    def start(self) -> None:
        """Await all workers: those of an earlier run may still hold a lease.

        Who was lost before we stopped is lost until it is heard again.
        """
        now = self._looked = self._clock.monotonic()
        states = self._board.states.values()
        lost = {worker for state in states for worker in state.suspended}
        for worker in self._board.workers:
            sight = awaited(now)
            if worker in lost:
                sight = replace(sight, presence=Presence.LOST)
                self._board.lost.add(worker)
            self.sights[worker] = sight
            self._leased_until[worker] = now + LEAVES_S

    def heard(self, worker: int) -> None:
        """Note that *worker* said something on its link."""
        now = self._clock.monotonic()
        self.sights[worker] = hear(self.sights.get(worker, awaited(now)), now)
        self._board.lost.discard(worker)

    def lease(self, worker: int, version: int) -> float:
        """Renew the leases of *worker*; return for how long, in seconds.

        One that speaks an earlier *version* of the mesh knows no leases: 0.
        """
        if version < LEASED_SINCE:
            self._leased_until[worker] = float("inf")
            return 0.0
        self._leased_until[worker] = self._clock.monotonic() + LEASE_S
        return LEASE_S

    def vouched(self, worker: int) -> None:
        """Note that a peer hears *worker*: it is not lost, only unreachable."""
        if worker in self.sights:
            self.sights[worker] = vouch(self.sights[worker], self._clock.monotonic())

    def left(self, worker: int, *, farewell: bool) -> None:
        """Note that the link of *worker* ended, politely or not.

        With *farewell* its leases end with it.
        """
        now = self._clock.monotonic()
        sight = self.sights.get(worker, awaited(now))
        self.sights[worker] = unlink(sight, farewell=farewell)
        if farewell:
            # It stopped probing before it said so: others may begin at once.
            self._leased_until[worker] = now - MOVES_AFTER_S

    def presence(self, worker: int) -> Presence:
        """Return what we know of *worker*; one never seen here is lost."""
        sight = self.sights.get(worker)
        return sight.presence if sight else Presence.LOST

    def looked_before_s(self) -> float:
        """Return how many seconds ago the last look was."""
        return self._clock.monotonic() - self._looked

    def look(self) -> bool:
        """See who is there now; True if jobs that move have to be placed anew."""
        now = self._clock.monotonic()
        self._forgive(now - self._looked - HELD_UP_S)
        self._looked = now
        self.sights = {w: age(s, now) for w, s in self.sights.items()}
        self._doubt(now)
        lost = {w for w, s in self.sights.items() if s.presence is Presence.LOST}
        if self.doubt is None:
            self._board.lost |= lost
        self._board.lost &= lost
        away = self._away(now)
        moved = away != self._board.away
        self._board.away = away
        return moved

    def _forgive(self, held_up_s: float) -> None:
        """Take our own standstill off everybody's silence."""
        if held_up_s <= 0:
            return
        self.sights = {
            w: s if s.presence is Presence.LOST else _later(s, held_up_s)
            for w, s in self.sights.items()
        }

    def _doubt(self, now: float) -> None:
        before = self.doubt
        sights = self.sights if before else self._counted()
        self.doubt = doubt(before, sights, now)
        self._board.frozen = self.doubt is not None
        if self.doubt and not before:
            log.error(
                "%d workers vanished at once: this coordinator seems to be cut off; "
                "verdicts are frozen",
                len(self.doubt.gone),
            )
        elif before and not self.doubt:
            log.warning("verdicts go on")

    def _counted(self) -> dict[int, Sight]:
        """Return the sights of those whose vanishing says something of ourselves.

        Whoever knows the secret can bring any number of workers, and take them away.
        """
        workers = self._board.workers
        longest = (self._clock.wall() - KNOWN_S) * 1e6
        return {
            number: sight
            for number, sight in self.sights.items()
            if (worker := workers.get(number))
            and (worker.trusted or worker.added_at_us <= longest)
        }

    def _away(self, now: float) -> set[int]:
        """Return who has no lease any more, or has been back for too short a time."""
        away = set()
        for worker, until in self._leased_until.items():
            linked = self.presence(worker) is Presence.LINKED
            was_away = worker in self._board.away
            if not linked:
                self._back_since.pop(worker, None)
            if was_away and linked:
                since = self._back_since.setdefault(worker, now)
                if now - since < SETTLED_S:
                    away.add(worker)
            elif was_away or (
                not linked and self.doubt is None and now >= until + MOVES_AFTER_S
            ):
                away.add(worker)
        return away


def _later(sight: Sight, seconds: float) -> Sight:
    return replace(
        sight,
        heard=sight.heard + seconds,
        vouched=sight.vouched + seconds,
        since=sight.since + seconds,
    )
