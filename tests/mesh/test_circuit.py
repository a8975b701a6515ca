"""Circuits end to end: whole messages, bounded memory, and liars on the way."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pangea.core.errors import LinkClosed, ProtocolError
from pangea.mesh.channel import MAX_FIRST, MAX_MESSAGE
from pangea.mesh.circuit import CircuitChannel
from pangea.mesh.circuit_flow import PIECE, WINDOW, Budget, Meter, Strays, cost
from pangea.mesh.circuit_messages import (
    CircuitData,
    CircuitWindow,
    CloseCircuit,
    OpenCircuit,
)
from pangea.mesh.link import initiate, respond
from pangea.mesh.messages import Applied, Welcome
from pangea.mesh.refusal import Refused
from pangea.mesh.replay import ReplayCache
from pangea.system_clock import SystemClock
from tests.mesh.parties import COORDINATOR, SECRET, WORKER, anyone
from tests.mesh.test_link import COORDINATOR_SAYS, WORKER_SAYS

CLOCK = SystemClock()


class Pair:
    """Two ends of a circuit; ``said`` is all that passed, *change* may bend it."""

    def __init__(self, change=lambda message: [message]):
        self.said = []
        self.ended = []
        self.answering = None
        self.change = change
        self.asking = CircuitChannel(
            1, self._to_answering, lambda: self.ended.append(1)
        )

    async def _to_answering(self, message):
        for one in self.change(message):
            self.said.append(one)
            if isinstance(one, OpenCircuit):
                self.answering = CircuitChannel(
                    -1, self._to_asking, lambda: self.ended.append(-1), asked=one.window
                )
            else:
                self.answering.hear(one)

    async def _to_asking(self, message):
        for one in self.change(message):
            self.said.append(one)
            self.asking.hear(one)

    async def close(self):
        await self.asking.close()
        if self.answering:
            await self.answering.close()


@pytest.fixture
async def pair():
    made = Pair()
    await made.asking.open(20)
    made.asking.trusted()
    made.answering.trusted()
    yield made
    await made.close()


async def soon():
    await asyncio.sleep(0.05)


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, 3 * PIECE, 1 << 20])
async def test_messages_of_any_size_arrive_whole_and_in_order(pair, size):
    big, small = bytes(range(256)) * (size // 256 + 1), b"after"
    sending = asyncio.create_task(pair.asking.send(big[:size]))
    assert await pair.answering.receive() == big[:size]
    await sending
    await pair.asking.send(small)
    await pair.answering.send(big[:size][:5000])
    assert await pair.answering.receive() == small
    assert await pair.asking.receive() == big[:size][:5000]


async def test_no_piece_is_large_and_none_passes_before_it_was_granted(pair):
    sending = asyncio.create_task(pair.asking.send(bytes(MAX_MESSAGE)))
    await soon()
    pieces = [m.data for m in pair.said if isinstance(m, CircuitData)]
    assert not sending.done()
    assert max(map(len, pieces)) <= PIECE
    # Nobody receives: not one byte more than the window is on its way.
    assert WINDOW - PIECE - 64 < sum(map(cost, pieces)) <= WINDOW
    assert len(await pair.answering.receive()) == MAX_MESSAGE
    await sending


async def test_a_cancelled_message_leaves_whole(pair):
    sending = asyncio.create_task(pair.asking.send(b"a" * WINDOW * 2))
    await soon()
    sending.cancel()
    await asyncio.wait([sending])
    later = asyncio.create_task(pair.asking.send(b"b"))
    assert await pair.answering.receive() == b"a" * WINDOW * 2
    assert await pair.answering.receive() == b"b"
    await later


async def test_what_was_said_before_the_end_is_heard(pair):
    await pair.asking.send(b"last words")
    await pair.asking.close()
    await soon()
    assert await pair.answering.receive() == b"last words"
    with pytest.raises(LinkClosed):
        await pair.answering.receive()
    with pytest.raises(LinkClosed):
        await pair.answering.send(b"no one hears")
    assert sorted(pair.ended) == [-1, 1]


async def test_a_circuit_that_is_refused_says_why():
    def refuse(message):
        return []

    pair = Pair(refuse)
    pair.asking.hear(CloseCircuit(-1, "no\x1b[31m"))
    with pytest.raises(LinkClosed, match="no") as caught:
        await pair.asking.open(20)
    assert "\x1b" not in str(caught.value)
    await pair.asking.close()


async def test_a_circuit_that_nobody_answers_is_given_up():
    pair = Pair(lambda message: [])
    with pytest.raises(LinkClosed, match="does not answer"):
        await pair.asking.open(0.05)


@pytest.mark.parametrize(
    "lie",
    [
        CircuitData(1, b""),
        CircuitData(1, bytes(PIECE + 1)),
        CircuitData(1, b"\7nonsense"),
        CircuitWindow(1, 0),
        CircuitWindow(1, -5),
        CircuitWindow(1, WINDOW + 1),
        CircuitWindow(1, 1 << 70),
    ],
)
async def test_a_lie_ends_the_circuit(pair, lie):
    hearing = asyncio.create_task(pair.answering.receive())
    pair.answering.hear(lie)
    with pytest.raises(LinkClosed):
        await hearing
    await soon()
    assert isinstance(pair.said[-1], CloseCircuit)
    with pytest.raises(LinkClosed):
        await pair.asking.receive()


async def test_more_than_the_window_ends_the_circuit(pair):
    for _ in range(WINDOW // PIECE + 1):
        pair.answering.hear(CircuitData(1, b"\1" + bytes(PIECE - 1)))
    assert "window" in pair.answering.reason


async def test_a_message_without_an_end_is_not_gathered_for_ever(pair):
    pair.change = lambda message: []  # the liar takes what it is granted, and lies on
    hearing = asyncio.create_task(pair.answering.receive())
    sent = 0
    while not pair.answering.reason and sent < 3 * MAX_MESSAGE:
        pair.answering.hear(CircuitData(1, b"\1" + bytes(PIECE - 1)))
        sent += PIECE
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    with pytest.raises(LinkClosed, match="too large"):
        await hearing
    assert sent <= MAX_MESSAGE + 2 * PIECE


async def shake(pair, timeout=20):
    await pair.asking.open(20)
    out = initiate(
        pair.asking, WORKER, SECRET, WORKER_SAYS, anyone, clock=CLOCK,
        prologue=pair.asking.prologue, timeout=timeout,
    )  # fmt: skip
    back = respond(
        pair.answering, COORDINATOR, [SECRET], COORDINATOR_SAYS, anyone, ReplayCache(),
        clock=CLOCK, prologue=pair.answering.prologue, timeout=timeout,
    )  # fmt: skip
    return await asyncio.gather(out, back, return_exceptions=True)


async def test_a_handshake_and_a_link_run_inside(pair):
    worker, coordinator = await shake(pair)
    await coordinator.send(Welcome("approved", b"s"))
    assert await worker.receive() == Welcome("approved", b"s")
    await worker.send(Applied(3))
    assert await coordinator.receive() == Applied(3)
    assert worker.prologue == coordinator.prologue == b"relay"
    assert worker.peer_key == COORDINATOR.public_key


async def talk(worker, coordinator):
    """Say a word each way and back; what a byte was bent of may never come."""
    async with asyncio.timeout(0.2):
        await coordinator.send(Welcome("approved", b"s"))
        await worker.receive()
        for number in range(3):
            await worker.send(Applied(number))
            await coordinator.receive()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 5), st.integers(0, 10**6), st.integers(1, 255))
def test_who_bends_a_byte_of_it_gets_no_link_and_no_message(which, where, by):
    def run_with(pair):
        count = -1

        def bend(message):
            nonlocal count
            if not isinstance(message, CircuitData):
                return [message]
            count += 1
            if count != which:
                return [message]
            data = bytearray(message.data)
            data[where % len(data)] ^= by
            return [CircuitData(message.circuit, bytes(data))]

        pair.change = bend

    async def scenario():
        pair = Pair()
        run_with(pair)
        sides = await shake(pair, timeout=0.2)
        refused = any(isinstance(side, Refused | ProtocolError) for side in sides)
        if not refused:
            # A last piece that says that there is more is waited for in vain.
            with pytest.raises((ProtocolError, TimeoutError)):
                await talk(*sides)
        await pair.close()

    asyncio.run(scenario())


def test_a_budget_is_never_larger_than_the_window():
    assert Budget(10 * WINDOW).left == WINDOW
    budget = Budget(WINDOW - 5)
    budget.add(5)
    with pytest.raises(ProtocolError):
        budget.add(1)


def test_strays_are_borne_for_so_long():
    strays, piece = Strays(), CircuitData(1, bytes(PIECE))
    most = 20 * WINDOW // cost(piece.data)
    for _ in range(2):
        for _ in range(most):
            strays.count(piece)
        strays.clear()
    for _ in range(most):
        strays.count(piece)
    with pytest.raises(ProtocolError, match="circuits that there are not"):
        strays.count(piece)


def test_many_small_pieces_are_not_free():
    budget = Budget(WINDOW)
    for _ in range(WINDOW // cost(b"x")):
        budget.spend(b"x")
    assert WINDOW // cost(b"x") < 5000
    with pytest.raises(ProtocolError):
        budget.spend(b"x")


async def test_a_meter_slows_what_passes():
    meter, begun = Meter(CLOCK, rate=10_000, burst=1_000), CLOCK.monotonic()
    for _ in range(5):
        await meter.take(500)
    assert CLOCK.monotonic() - begun > 0.13


@pytest.mark.parametrize("small", [0, 1])
async def test_before_the_proof_a_large_message_ends_the_circuit(small):
    pair = Pair()
    await pair.asking.open(20)
    for _ in range(small):
        await pair.asking.send(bytes(MAX_FIRST))
        assert await pair.answering.receive() == bytes(MAX_FIRST)
    sending = asyncio.create_task(pair.asking.send(bytes(MAX_FIRST + 1)))
    with pytest.raises(LinkClosed, match="too large"):
        await pair.answering.receive()
    await asyncio.wait([sending])
    sending.exception()
    await pair.close()


async def test_after_two_messages_the_third_may_be_large():
    pair = Pair()
    await pair.asking.open(20)
    for size in (MAX_FIRST, MAX_FIRST, PIECE):
        await pair.asking.send(bytes(size))
        assert await pair.answering.receive() == bytes(size)
    await pair.close()
