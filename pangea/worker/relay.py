"""Carrying circuits for peers that do not reach the coordinator, and for nobody else.

A circuit goes from one link of ours, to a peer of the roster, to one other: our own
link to the coordinator. We open no connection for it, so there is nowhere else that
it could lead; the coordinator knows whose link it comes by; and it works too where the
coordinator has dialled us. What is carried is sealed between the two ends.
"""

import asyncio
import itertools
import logging
from collections.abc import Callable

from pangea.core.clock import Clock
from pangea.core.errors import LinkClosed, ProtocolError
from pangea.core.text import safe_text
from pangea.mesh.circuit import RELAY
from pangea.mesh.circuit_flow import WINDOW, Budget, Meter, Outflow, Say, Strays
from pangea.mesh.circuit_messages import (
    CIRCUIT,
    CircuitData,
    CircuitWindow,
    CloseCircuit,
    OpenCircuit,
)
from pangea.mesh.link import Link
from pangea.mesh.message import Message

from .peer_link import PeerLink
from .roster_keeper import RosterKeeper

log = logging.getLogger(__name__)

#: Circuits of one peer, and of all.
MOST_EACH, MOST = 16, 48
#: Circuits that a peer may open at once, and seconds until it may open another.
OPENS, OPEN_S = 16.0, 1.0
#: A peer that was refused so often in a row wants something else.
MOST_REFUSED = 64
#: Bytes a second of one peer in each direction, and how many at once.
RATE, BURST = 1024 * 1024, 2 * WINDOW
#: A circuit without a piece for so long is given up; none lives longer than a day.
IDLE_S, LIFE_S = 60.0, 86_400.0
LOOK_S = 5.0
#: A link that takes nothing for so long is gone.
STUCK_S = 20.0


class _Guest:
    """One peer that has circuits here: how many it opens, and how fast they are.

    ``numbers`` gives, for each number of the peer, ours.
    """

    def __init__(self, clock: Clock) -> None:
        self.numbers: dict[int, int] = {}
        self.up, self.down = (Meter(clock, RATE, BURST) for _ in range(2))
        self.refused = 0
        self.strays = Strays()
        self._clock = clock
        self._opens, self._at = OPENS, clock.monotonic()

    def may_open(self) -> bool:
        """Count one more circuit; False if they come too fast."""
        now = self._clock.monotonic()
        self._opens = min(OPENS, self._opens + (now - self._at) / OPEN_S)
        self._at = now
        if self._opens < 1.0:
            return False
        self._opens -= 1.0
        return True


class _Circuit:
    """One circuit: what each end may send, and what waits to leave on each leg."""

    def __init__(
        self,
        peer: PeerLink,
        number: int,
        up: Outflow,
        down: Outflow,
        window: int,
        now: float,
    ) -> None:
        self.peer = peer
        self.number = number
        self.up = up
        self.down = down
        self.from_peer = Budget()
        self.from_coordinator = Budget(window)
        self.opened = self.used = now
        self.carried = 0


class Relay:
    """Takes circuits of peers; ``run`` until cancelled.

    ``circuits`` are those that are open, by our number for them. Without *allowed*
    all are refused. Who is relayed itself does not relay, so there are no loops.
    """

    def __init__(
        self, roster: RosterKeeper, clock: Clock, *, allowed: bool = True
    ) -> None:
        self.circuits: dict[int, _Circuit] = {}
        self._allowed = allowed
        self._roster = roster
        self._clock = clock
        self._coordinator: Link | None = None
        self._guests: dict[PeerLink, _Guest] = {}
        self._numbers = itertools.count(1)

    @property
    def held(self) -> int:
        """The bytes that wait here, of all circuits."""
        return sum(c.up.held + c.down.held for c in self.circuits.values())

    async def run(self) -> None:
        """Give up circuits that nobody uses, or that are too old."""
        while True:
            await asyncio.sleep(LOOK_S)
            now = self._clock.monotonic()
            for number, circuit in list(self.circuits.items()):
                if now - circuit.used > IDLE_S:
                    self._end(number, f"idle for {IDLE_S:.0f} s")
                elif now - circuit.opened > LIFE_S:
                    self._end(number, "a day old")

    def joined(self, link: Link) -> None:
        """From now on *link* is our way to the coordinator; a relayed one is none."""
        direct = link.prologue != RELAY and link.speaks(OpenCircuit)
        self._coordinator = link if direct else None

    def left(self) -> None:
        """We have no link to the coordinator any more, so nobody has by us."""
        self._coordinator = None
        for number in list(self.circuits):
            self._end(number, "the relay has lost the coordinator")

    def parted(self, peer: PeerLink) -> None:
        """The link to *peer* has ended, and so have its circuits."""
        guest = self._guests.pop(peer, None)
        for number, circuit in list(self.circuits.items()):
            if guest and circuit.peer is peer:
                self._end(number, "the link to the relay has ended")

    async def hear(self, peer: PeerLink, message: Message) -> bool:
        """Take *message* of a peer if it is about a circuit that we carry for it."""
        if not isinstance(message, CIRCUIT) or message.circuit <= 0:
            return False
        guest = self._guests.setdefault(peer, _Guest(self._clock))
        if isinstance(message, OpenCircuit):
            await self._open(peer, guest, message)
        elif number := guest.numbers.get(message.circuit):
            self._carry(number, self.circuits[number], message)
        else:
            guest.strays.count(message)
        return True

    def hear_coordinator(self, message: Message) -> bool:
        """Take *message* of the coordinator if it is about a circuit."""
        if not isinstance(message, CIRCUIT) or message.circuit >= 0:
            return False
        if circuit := self.circuits.get(-message.circuit):
            self._carry_back(-message.circuit, circuit, message)
        return True

    async def _open(self, peer: PeerLink, guest: _Guest, asked: OpenCircuit) -> None:
        why = self._refusal(peer, guest, asked)
        coordinator = self._coordinator
        if why or coordinator is None:
            guest.refused += 1
            if guest.refused > MOST_REFUSED:
                raise ProtocolError("it asks for circuits far too often")
            await peer.say(CloseCircuit(-asked.circuit, why))
            return
        guest.refused = 0
        guest.strays.clear()
        number = next(self._numbers)
        end = self._ender(number)
        first = OpenCircuit(number, asked.window)
        up = Outflow(number, _bounded(coordinator), end, first=first, meter=guest.up)
        down = Outflow(-asked.circuit, peer.say, end, meter=guest.down)
        now = self._clock.monotonic()
        circuit = _Circuit(peer, asked.circuit, up, down, asked.window, now)
        self.circuits[number] = circuit
        guest.numbers[asked.circuit] = number
        log.info("carrying a circuit for peer %s", peer.name)

    def _refusal(self, peer: PeerLink, guest: _Guest, asked: OpenCircuit) -> str:
        """Return why *peer* gets no circuit, "" if it gets one."""
        if not self._allowed:
            return "it does not relay"
        if self._roster.peer(peer.key) is None:
            return "not on the roster"
        if self._coordinator is None:
            return "it does not reach the coordinator directly itself"
        if asked.circuit in guest.numbers or not 1 <= asked.window <= WINDOW:
            return "no circuit can be like that"
        if len(guest.numbers) >= MOST_EACH or len(self.circuits) >= MOST:
            return "it carries as many circuits as it may"
        return "" if guest.may_open() else "circuits are asked for too fast"

    def _carry(self, number: int, circuit: _Circuit, message: Message) -> None:
        """Pass on what the peer says; more than it may ends the circuit."""
        try:
            match message:
                case CircuitData():
                    circuit.from_peer.spend(message.data)
                    circuit.up.put(message.data)
                    self._use(circuit, message)
                case CircuitWindow():
                    circuit.from_coordinator.add(message.size)
                    circuit.up.grant(message.size)
                case CloseCircuit():
                    self._end(number, safe_text(message.reason, 200), by_peer=True)
        except ProtocolError as error:
            self._end(number, str(error))

    def _carry_back(self, number: int, circuit: _Circuit, message: Message) -> None:
        """Pass on what the coordinator says."""
        try:
            match message:
                case CircuitData():
                    circuit.from_coordinator.spend(message.data)
                    circuit.down.put(message.data)
                    self._use(circuit, message)
                case CircuitWindow():
                    circuit.from_peer.add(message.size)
                    circuit.down.grant(message.size)
                case CloseCircuit():
                    reason = safe_text(message.reason, 200)
                    self._end(number, reason, by_coordinator=True)
        except ProtocolError as error:
            self._end(number, str(error))

    def _use(self, circuit: _Circuit, piece: CircuitData) -> None:
        circuit.used = self._clock.monotonic()
        circuit.carried += len(piece.data)

    def _ender(self, number: int) -> Callable[[str], None]:
        return lambda reason: self._end(number, reason)

    def _end(
        self,
        number: int,
        reason: str,
        *,
        by_peer: bool = False,
        by_coordinator: bool = False,
    ) -> None:
        """Forget a circuit, and tell the ends that do not know yet."""
        circuit = self.circuits.pop(number, None)
        if circuit is None:
            return
        if guest := self._guests.get(circuit.peer):
            guest.numbers.pop(circuit.number, None)
        log.info(
            "the circuit for peer %s has ended after %d bytes: %s",
            circuit.peer.name,
            circuit.carried,
            reason or "closed",
        )
        for flow, knows in ((circuit.up, by_coordinator), (circuit.down, by_peer)):
            if knows:
                flow.drop()
            else:
                flow.close(reason)


def _bounded(link: Link) -> Say:
    """Return how to say something on *link*, but not for ever."""

    async def say(message: Message) -> None:
        try:
            async with asyncio.timeout(STUCK_S):
                await link.send(message)
        except TimeoutError as error:
            raise LinkClosed("the coordinator takes nothing any more") from error

    return say
