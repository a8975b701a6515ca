"""How the workers see each other: a matrix in memory, from what they report."""

from msgspec import Struct

from pangea.core.model import Worker
from pangea.core.peer_stats import NO_ADDRESS, PeerState, sound
from pangea.core.text import safe_text
from pangea.mesh.peer_messages import PeerReport

from .board import Board

#: Peers of one worker that are taken in: its neighbours, and guests.
MOST_PEERS = 64


class Seen(Struct, frozen=True):
    """What one worker said of another, and when that came (seconds of UTC)."""

    state: PeerState
    at: float


class Pair(Struct, frozen=True):
    """One direction between two workers.

    ``one_way`` is true if this direction is cut and the other is not, and
    ``reason`` says how.
    """

    source: Worker
    target: Worker
    seen: Seen
    one_way: bool
    reason: str


class MeshView:
    """The newest word of each worker on each of its peers."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._seen: dict[int, dict[int, Seen]] = {}
        self._numbers: dict[bytes, int] = {}
        self._known = (0, 0)
        self.stale: set[int] = set()

    def take(self, worker: int, report: PeerReport, now: float) -> None:
        """Take in what *worker* says; of strangers and of itself it says nothing."""
        numbers = self._by_key()
        row = {} if report.whole else self._seen.get(worker, {})
        for state in report.peers[:MOST_PEERS]:
            target = numbers.get(state.key)
            if target is None or target == worker:
                continue
            if state.path == "" and not state.dial:
                row.pop(target, None)
            elif target in row or len(row) < MOST_PEERS:
                row[target] = Seen(_safe(state), now)
        self._seen[worker] = row
        (self.stale.add if report.stale else self.stale.discard)(worker)

    def _by_key(self) -> dict[bytes, int]:
        """Return all workers by key; a new one is the last on the board."""
        workers = self._board.workers
        known = len(workers), next(reversed(workers), 0)
        if known != self._known:
            self._numbers = {w.key: w.id for w in workers.values()}
            self._known = known
        return self._numbers

    def seen(self, source: int, target: int) -> Seen | None:
        """Return what *source*, if it is here, said of *target* last."""
        return self._row(source).get(target)

    def _row(self, source: int) -> dict[int, Seen]:
        """Return what *source* says of all; of one that is not here it is old."""
        return self._seen.get(source, {}) if source in self._board.connected else {}

    def links_of(self, worker: int) -> list[int]:
        """Return who has a link to *worker*, by its own word, the newest first.

        Those that hear nothing on it come last.
        """
        found = [
            (not seen.state.mute, seen.at, source)
            for source, row in self._seen.items()
            if (seen := row.get(worker)) is not None and seen.state.linked
        ]
        return [source for *_, source in sorted(found, reverse=True)]

    def pairs(self, org: int) -> list[Pair]:
        """Return every direction that was reported, by the names of both."""
        workers = {
            w.id: w
            for w in self._board.workers.values()
            if w.org == org and w.state == "approved"
        }
        found = [
            self._pair(workers[source], workers[target], seen)
            for source in self._seen.keys() & workers.keys()
            for target, seen in self._row(source).items()
            if target in workers
        ]
        return sorted(found, key=lambda pair: (pair.source.name, pair.target.name))

    def best(self, worker: int) -> tuple[int, int, float | None]:
        """Return how many peers *worker* has, has links to, and the median RTT.

        The round trip is in milliseconds, None if there is no link.
        """
        row = self._row(worker).values()
        rtts = sorted(s.state.rtt_us for s in row if s.state.linked and s.state.rtt_us)
        middle = rtts[len(rtts) // 2] / 1000 if rtts else None
        return len(row), sum(s.state.linked for s in row), middle

    def one_way(self, worker: int) -> list[str]:
        """Return the names of the peers to or from which one direction is cut."""
        cut = []
        for target, seen in self._row(worker).items():
            back = self.seen(target, worker)
            if cut_reason(seen.state) or (back and cut_reason(back.state)):
                cut.append(self._board.voter(target))
        return sorted(cut)

    def _pair(self, source: Worker, target: Worker, seen: Seen) -> Pair:
        reason = cut_reason(seen.state)
        return Pair(source, target, seen, bool(reason), reason)


def cut_reason(there: PeerState) -> str:
    """Return why the direction of *there* is cut while the other is not, or "".

    *there* is what A says of B; the direction is A to B. That B hears nothing is no
    proof: only A knows whether it still hears B, or whether both directions are cut.
    """
    if there.mute or not there.linked:
        return ""
    if there.deaf:
        return "what it sends does not arrive"
    if there.dial and there.dial != NO_ADDRESS:
        return f"it cannot connect: {there.dial}"
    return ""


def _safe(state: PeerState) -> PeerState:
    told = sound(state)
    return PeerState(
        told.key,
        told.linked,
        told.rtt_us,
        told.loss,
        told.offset_us,
        told.deaf,
        told.mute,
        safe_text(told.dial, 120),
        safe_text(told.path, 80),
    )
