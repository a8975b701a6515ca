"""How many handshakes of the mesh one core does, both sides together.

    python -m tests.bench.handshakes [--count 2000]

The two state machines with all their cryptography, and whole links over a channel in
memory: what the network and the upgrade cost is in ``many_workers``.
"""

import argparse
import asyncio
import secrets
import tempfile
import time
from pathlib import Path

from pangea.mesh import identity
from pangea.mesh.handshake import Initiator, Responder
from pangea.mesh.identity import Identity
from pangea.mesh.info import NodeInfo, write_info
from pangea.mesh.link import initiate, respond
from pangea.mesh.refusal import Refused
from pangea.mesh.replay import ReplayCache
from pangea.system_clock import SystemClock

from .figures import Figures, medians, tell
from .processes import MEASURED, take_part

CLOCK = SystemClock()
SECRET = secrets.token_bytes(32)
ROUNDS = 3


def main() -> None:
    """Measure in rounds, and tell the medians."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--count", type=int, default=2000)
    given = asked.parse_args()
    take_part(MEASURED)
    tell(lambda: measure(given.count))


def measure(count: int) -> Figures:
    """Return what a handshake costs each side, and how many fit into a second."""
    with tempfile.TemporaryDirectory() as name:
        nodes = [
            identity.load_or_create(Path(name) / f"{role}.key") for role in ("a", "b")
        ]
    return medians([one_round(*nodes, count) for _ in range(ROUNDS)])


def one_round(dialling: Identity, dialled: Identity, count: int) -> Figures:
    """Return the figures of *count* handshakes."""
    begun = time.process_time()
    asyncio.run(links(dialling, dialled, count))
    link_us = (time.process_time() - begun) / count * 1e6
    initiator_us, responder_us = machines(dialling, dialled, count)
    forged_us = forged(dialled, count)
    return {
        "handshakes_per_core_s": 1e6 / link_us,
        "both_us": link_us,
        "initiator_us": initiator_us,
        "responder_us": responder_us,
        "forged_us": forged_us,
    }


def machines(dialling: Identity, dialled: Identity, count: int) -> tuple[float, float]:
    """Return the CPU of the initiator and of the responder, without their links."""
    replays, spent = ReplayCache(), [0.0, 0.0]
    infos = [write_info(info) for info in (_info("worker"), _info("coordinator"))]
    clock = time.process_time
    for _ in range(count):
        first = clock()
        dials = Initiator(dialling, SECRET, infos[0], _anybody)
        m1 = dials.start()
        second = clock()
        answers = Responder(dialled, [SECRET], infos[1], _anybody, replays)
        m2 = answers.answer(m1, 0.0)
        third = clock()
        m3, _ = dials.finish(m2)
        fourth = clock()
        answers.finish(m3)
        spent[0] += second - first + fourth - third
        spent[1] += third - second + clock() - fourth
    return spent[0] / count * 1e6, spent[1] / count * 1e6


def forged(dialled: Identity, count: int) -> float:
    """Return the CPU of refusing a first message of somebody without the secret."""
    replays, info = ReplayCache(), write_info(_info("coordinator"))
    right = Initiator(dialled, bytes(32), write_info(_info("worker")), _anybody).start()
    begun = time.process_time()
    for _ in range(count):
        side = Responder(dialled, [SECRET], info, _anybody, replays)
        try:
            side.answer(right, 0.0)
        except Refused:
            continue
        raise SystemExit("a forged first message was taken")
    return (time.process_time() - begun) / count * 1e6


async def links(dialling: Identity, dialled: Identity, count: int) -> None:
    """Make *count* links, one after the other."""
    replays = ReplayCache()
    for _ in range(count):
        ours, theirs = pair()
        await asyncio.gather(
            initiate(ours, dialling, SECRET, _info("worker"), _anybody, clock=CLOCK),
            respond(
                theirs,
                dialled,
                [SECRET],
                _info("coordinator"),
                _anybody,
                replays,
                clock=CLOCK,
            ),
        )


class Pipe:
    """One end of a channel in memory."""

    prologue = b"tcp"

    def __init__(self, out: asyncio.Queue[bytes], back: asyncio.Queue[bytes]) -> None:
        self._out, self._back = out, back

    async def send(self, data: bytes) -> None:
        """Hand one message over."""
        self._out.put_nowait(data)

    async def receive(self) -> bytes:
        """Return the next one."""
        return await self._back.get()

    async def close(self) -> None:
        """Nothing hangs on it."""


def pair() -> tuple[Pipe, Pipe]:
    """Return the two ends of a channel."""
    forth: asyncio.Queue[bytes] = asyncio.Queue()
    back: asyncio.Queue[bytes] = asyncio.Queue()
    return Pipe(forth, back), Pipe(back, forth)


def _info(role: str) -> NodeInfo:
    return NodeInfo(role=role, name="bench", boot="0" * 32)


def _anybody(key: bytes, info: NodeInfo) -> None:
    """Accept whoever proves the secret."""


if __name__ == "__main__":
    main()
