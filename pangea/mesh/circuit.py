"""A channel through a peer: whole messages in pieces that the other end has granted.

The two ends of a circuit run a handshake and a link on a `CircuitChannel`. Between
them is a peer that carries pieces from one of its links to the other, and holds no
more of them than the receiving end has granted.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from pangea.core.errors import LinkClosed, ProtocolError
from pangea.core.text import safe_text
from pangea.mesh.channel import FIRST, MAX_FIRST, MAX_MESSAGE
from pangea.mesh.circuit_flow import PIECE, WINDOW, Budget, Outflow, Say, cost
from pangea.mesh.circuit_messages import (
    CircuitData,
    CircuitWindow,
    CloseCircuit,
    OpenCircuit,
)
from pangea.mesh.message import Message

#: What a handshake inside a circuit is bound to.
RELAY = b"relay"
#: More is granted when so much has been taken.
GRANT = WINDOW // 4
_LAST, _MORE = b"\0", b"\1"


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
        self._small = FIRST
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

    def trusted(self) -> None:
        """Note that the peer has proven who it is."""
        self._small = 0

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
                    self._small = max(0, self._small - 1)
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
        most = MAX_FIRST if self._small else MAX_MESSAGE
        if mark not in (_LAST, _MORE) or size > most:
            self._pieces.clear()
            self.break_off("a message that is too large, or none")
            return False
        self._message += piece[1:]
        return mark == _LAST

    def _grant(self, size: int) -> None:
        self._theirs.add(size)
        self._out.grant(size)
