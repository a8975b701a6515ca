"""Circuits that workers bring: links of other workers, carried inside their own."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from pangea.core.clock import Clock
from pangea.core.text import safe_text
from pangea.mesh.channel import Channel
from pangea.mesh.circuit import RELAY, CircuitChannel
from pangea.mesh.circuit_flow import Strays
from pangea.mesh.circuit_messages import CIRCUIT, CloseCircuit, OpenCircuit
from pangea.mesh.message import Message

from .worker_link import WorkerLink

log = logging.getLogger(__name__)

#: Circuits by one worker, and by all; those whose handshake is not over, by one.
MOST_EACH, MOST, UNPROVEN = 48, 1024, 8
#: Circuits that one worker may open at once, and how many more a second.
BURST, RATE = 32.0, 2.0


class Accept(Protocol):
    """Serves a channel from its handshake to its end."""

    async def __call__(
        self,
        channel: Channel,
        address: str,
        admitted: Callable[[], None],
        via: int = 0,
    ) -> None:
        """Serve *channel*, which the worker *via* carries."""
        ...


class _Carrier:
    """What one worker carries for others."""

    def __init__(self, now: float) -> None:
        self.circuits: dict[int, CircuitChannel] = {}
        self.unproven: set[int] = set()
        self.strays = Strays()
        self._left, self._at = BURST, now

    def may_open(self, now: float) -> bool:
        """Count one more; False if they come too fast."""
        self._left = min(BURST, self._left + (now - self._at) * RATE)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class CircuitDesk:
    """Gives each circuit to *accept*, as if it were a connection."""

    def __init__(self, accept: Accept, clock: Clock) -> None:
        self._accept = accept
        self._clock = clock
        self._carriers: dict[WorkerLink, _Carrier] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def hear(self, link: WorkerLink, message: Message) -> bool:
        """Take *message* of a worker if it is about a circuit that it carries."""
        if not isinstance(message, CIRCUIT) or message.circuit <= 0:
            return False
        carrier = self._carriers.get(link)
        if carrier is None:
            carrier = self._carriers[link] = _Carrier(self._clock.monotonic())
        channel = carrier.circuits.get(message.circuit)
        if isinstance(message, OpenCircuit):
            if why := self._refusal(link, carrier, message):
                link.outbox.say(CloseCircuit(-message.circuit, why))
            else:
                self._open(link, carrier, message)
        elif channel:
            channel.hear(message)
        else:
            carrier.strays.count(message)
        return True

    def left(self, link: WorkerLink) -> None:
        """The link of a worker has ended, and so has all that it carried."""
        carrier = self._carriers.pop(link, None)
        for channel in list(carrier.circuits.values()) if carrier else ():
            channel.break_off("the link of the relay has ended")

    def _refusal(self, link: WorkerLink, carrier: _Carrier, asked: OpenCircuit) -> str:
        if link.link.prologue == RELAY:
            return "who is relayed does not relay"
        if asked.circuit in carrier.circuits:
            return "there is such a circuit"
        full = sum(len(c.circuits) for c in self._carriers.values()) >= MOST
        if full or len(carrier.circuits) >= MOST_EACH:
            return "there are too many circuits"
        if len(carrier.unproven) >= UNPROVEN:
            return "too many handshakes at once by this relay"
        fast = not carrier.may_open(self._clock.monotonic())
        return "circuits are opened too fast" if fast else ""

    def _open(self, link: WorkerLink, carrier: _Carrier, asked: OpenCircuit) -> None:
        number = asked.circuit

        def over() -> None:
            carrier.circuits.pop(number, None)
            carrier.unproven.discard(number)

        channel = CircuitChannel(-number, link.link.send, over, asked=asked.window)
        carrier.circuits[number] = channel
        carrier.unproven.add(number)
        carrier.strays.clear()
        work = self._accept(
            channel,
            f"via {safe_text(link.worker.name, 63)}",
            lambda: carrier.unproven.discard(number),
            link.worker.id,
        )
        task = asyncio.create_task(work, name=f"circuit by {link.worker.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
