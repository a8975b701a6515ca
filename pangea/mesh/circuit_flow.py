"""What passes on one leg of a circuit: pieces, credit for them, and their speed."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from pangea.core.clock import Clock
from pangea.core.errors import ProtocolError
from pangea.mesh.circuit_messages import (
    CircuitData,
    CircuitWindow,
    CloseCircuit,
    OpenCircuit,
)
from pangea.mesh.message import Message

#: What may be on its way in one direction, in the bytes of `cost`.
WINDOW = 256 * 1024
#: The largest piece, so that others on the same link need not wait long.
PIECE = 16 * 1024
#: What a piece costs beside its bytes, so that many small ones are not free.
OVERHEAD = 64
#: So long has a last word to leave.
CLOSE_S = 2.0

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


class Strays:
    """Counts what comes for circuits that are over; some of it always does.

    Twenty windows of it since the last circuit was opened are more than all that can
    have been on its way.
    """

    def __init__(self) -> None:
        self._size = 0

    def clear(self) -> None:
        """A circuit was opened: count anew."""
        self._size = 0

    def count(self, message: Message) -> None:
        """Count a message; ProtocolError if there were too many."""
        data = message.data if isinstance(message, CircuitData) else b""
        self._size += cost(data)
        if self._size > 20 * WINDOW:
            raise ProtocolError("it goes on about circuits that there are not")


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
