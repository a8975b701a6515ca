"""A channel through a peer: opaque pieces, credit for them, and who may hold how many.

The two ends of a circuit run a handshake and a link on a `CircuitChannel`. Between
them is a peer that carries pieces from one of its links to the other, and holds no
more of them than the receiving end has granted.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from pangea.core.clock import Clock
from pangea.core.errors import LinkClosed, ProtocolError
from pangea.core.text import safe_text
from pangea.mesh.channel import MAX_MESSAGE
from pangea.mesh.circuit_messages import (
    CircuitData,
    CircuitWindow,
    CloseCircuit,
    OpenCircuit,
)
from pangea.mesh.message import Message

#: What a handshake inside a circuit is bound to.
RELAY = b"relay"
#: What may be on its way in one direction, in the bytes of `cost`.
WINDOW = 256 * 1024
#: The largest piece, so that others on the same link need not wait long.
PIECE = 16 * 1024
#: What a piece costs beside its bytes, so that many small ones are not free.
OVERHEAD = 64
#: More is granted when so much has been taken.
GRANT = WINDOW // 4
#: So long has a last word to leave.
CLOSE_S = 2.0
_LAST, _MORE = b"\0", b"\1"

Say = Callable[[Message], Awaitable[None]]


def cost(data: bytes) -> int:
    """Return what a piece takes of the window."""
    return len(data) + OVERHEAD


class Budget:
    """What one side may still send; both breaches are ProtocolErrors."""

    def __init__(self, left: int = 0) -> None:
        self.left = min(left, WINDOW)

    def spend(self, data: bytes) -> None:
        """Count a piece that came or goes."""
        if not 1 <= len(data) <= PIECE:
            raise ProtocolError(f"a piece of {len(data)} bytes in a circuit")
        if cost(data) > self.left:
            raise ProtocolError("more than the window of the circuit takes")
        self.left -= cost(data)

    def add(self, size: int) -> None:
        """Count what was granted."""
        if not 1 <= size <= WINDOW - self.left:
            raise ProtocolError("a window that is larger than there is")
        self.left += size


class Meter:
    """Slows what passes to *rate* bytes a second, after *burst* of them."""

    def __init__(self, clock: Clock, rate: float, burst: float) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at = clock.monotonic()

    async def take(self, size: int) -> None:
        """Wait until *size* bytes may pass."""
        now = self._clock.monotonic()
        earned = (now - self._at) * self._rate
        self._left = min(self._burst, self._left + earned) - size
        self._at = now
        if self._left < 0:
            await asyncio.sleep(-self._left / self._rate)


class Outflow:
    """What leaves on one leg of a circuit, said by a task of its own.

    With a *budget* pieces wait for it, without they were counted before. *failed*
    is called once if the leg breaks. ``held`` is the cost of what waits.
    """

    def __init__(
        self,
        number: int,
        say: Say,
        failed: Callable[[str], None],
        *,
        first: OpenCircuit | None = None,
        budget: Budget | None = None,
        meter: Meter | None = None,
    ) -> None:
        self.held = 0
        self.empty = asyncio.Event()
        self.empty.set()
        self._number = number
        self._say = say
        self._failed = failed
        self._first = first
        self._budget = budget
        self._meter = meter
        self._pieces: deque[bytes] = deque()
        self._granted = 0
        self._closing: str | None = None
        self._news = asyncio.Event()
        self._news.set()
        self._task = asyncio.create_task(self._run(), name=f"circuit {number}")

    def put(self, data: bytes) -> None:
        """Send a piece when there is room."""
        self._pieces.append(data)
        self.held += cost(data)
        self.empty.clear()
        self._news.set()

    def grant(self, size: int) -> None:
        """Tell the other side that it may send *size* more."""
        self._granted += size
        self._news.set()

    def wake(self) -> None:
        """Look again: there may be room now."""
        self._news.set()

    def close(self, reason: str) -> None:
        """Say that the circuit ends, after what is left if that has room."""
        if self._closing is None:
            self._closing = reason
        self._news.set()

    def drop(self) -> None:
        """End at once, without a word."""
        self._task.cancel()

    async def ended(self) -> None:
        """Wait until nothing more leaves, and not for long; then end."""
        await asyncio.wait([self._task], timeout=CLOSE_S)
        self._task.cancel()

    async def _run(self) -> None:
        try:
            while (message := await self._next()) is not None:
                await self._say(message)
                if isinstance(message, CircuitData):
                    self._note(message.data)
                elif isinstance(message, CloseCircuit):
                    return
        except ProtocolError as error:
            self._failed(f"the way is gone: {error}")

    async def _next(self) -> Message | None:
        while True:
            await self._news.wait()
            if message := self._ready():
                if self._meter and isinstance(message, CircuitData):
                    await self._meter.take(len(message.data))
                return message
            self._news.clear()

    def _ready(self) -> Message | None:
        """Return what may be said next."""
        if first := self._first:
            self._first = None
            return first
        if size := self._granted:
            self._granted = 0
            return CircuitWindow(self._number, size)
        if self._pieces and self._has_room():
            return CircuitData(self._number, self._pieces.popleft())
        if self._closing is not None:
            return CloseCircuit(self._number, self._closing)
        return None

    def _has_room(self) -> bool:
        piece = self._pieces[0]
        if self._budget is None:
            return True
        if cost(piece) > self._budget.left:
            return False
        self._budget.spend(piece)
        return True

    def _note(self, piece: bytes) -> None:
        """A piece has left; until then it counts as held."""
        self.held -= cost(piece)
        if not self._pieces:
            self.empty.set()


class CircuitChannel:
    """One end of a circuit, a `Channel`; ``opened`` once the other end has answered.

    *number* is as this side says it, *say* sends on the link to the peer that
    carries the circuit, *ended* is called once when it is over. With *asked*, the
    window of the other side, this is the end that was asked.
    """

    def __init__(
        self,
        number: int,
        say: Say,
        ended: Callable[[], None],
        *,
        asked: int | None = None,
    ) -> None:
        self.prologue = RELAY
        self.number = number
        self.opened = asyncio.Event()
        self.reason = ""
        self._over = ended
        self._arrived = asyncio.Event()
        self._pieces: deque[bytes] = deque()
        self._message = bytearray()
        self._taken = 0
        self._ours = Budget(asked or 0)
        self._theirs = Budget(WINDOW if asked is None else 0)
        opening = OpenCircuit(number, WINDOW) if asked is None else None
        self._out = Outflow(number, say, self._end, first=opening, budget=self._ours)
        if asked is not None:
            self._grant(WINDOW)

    async def open(self, seconds: float) -> None:
        """Wait until the other end has answered; LinkClosed if it does not."""
        try:
            async with asyncio.timeout(seconds):
                await self.opened.wait()
        except TimeoutError as error:
            await self.close()
            raise LinkClosed("it does not answer") from error
        if self.reason:
            raise LinkClosed(self.reason)

    async def send(self, data: bytes) -> None:
        """Send one message; it leaves whole, also if who sends it is cancelled."""
        if self.reason:
            raise LinkClosed(self.reason)
        step = PIECE - 1
        pieces = [data[at : at + step] for at in range(0, len(data), step)] or [b""]
        for piece in pieces[:-1]:
            self._out.put(_MORE + piece)
        self._out.put(_LAST + pieces[-1])
        await self._out.empty.wait()
        if self.reason:
            raise LinkClosed(self.reason)

    async def receive(self) -> bytes:
        """Return the next message; raise `LinkClosed` if there is none any more."""
        while True:
            while self._pieces:
                if self._add(self._pieces.popleft()):
                    message, self._message = bytes(self._message), bytearray()
                    return message
            if self.reason:
                await self.close()
                raise LinkClosed(self.reason)
            self._arrived.clear()
            await self._arrived.wait()

    async def close(self) -> None:
        """End it; may be called again and at any time."""
        self.break_off("closed")
        await self._out.ended()

    def hear(self, message: Message) -> None:
        """Take what came for this circuit; a breach ends it and nothing else."""
        try:
            match message:
                case CircuitData():
                    self._theirs.spend(message.data)
                    if not self.reason:
                        self._pieces.append(message.data)
                        self._arrived.set()
                case CircuitWindow():
                    self._ours.add(message.size)
                    self.opened.set()
                    self._out.wake()
                case CloseCircuit():
                    self._out.drop()
                    self._end(safe_text(message.reason, 200) or "closed")
        except ProtocolError as error:
            self.break_off(str(error))

    def break_off(self, reason: str) -> None:
        """End it because of *reason*, and say so to the other end."""
        self._out.close(reason)
        self._end(reason)

    def _end(self, reason: str) -> None:
        if self.reason:
            return
        self.reason = reason
        for waiting in (self._arrived, self.opened, self._out.empty):
            waiting.set()
        self._over()

    def _add(self, piece: bytes) -> bool:
        """Add a piece to the message; True if that is whole now."""
        self._taken += cost(piece)
        if self._taken >= GRANT:
            taken, self._taken = self._taken, 0
            self._grant(taken)
        mark = piece[:1]
        size = len(self._message) + len(piece) - 1
        if mark not in (_LAST, _MORE) or size > MAX_MESSAGE:
            self._pieces.clear()
            self.break_off("a message that is too large, or none")
            return False
        self._message += piece[1:]
        return mark == _LAST

    def _grant(self, size: int) -> None:
        self._theirs.add(size)
        self._out.grant(size)
