"""Asking who answers at an address, without saying who asks.

The first two messages of a handshake prove the secret to the other side and its
identity to us; we leave before the third, so no link of a running node is disturbed.
"""

import asyncio
from typing import NamedTuple

from nacl.utils import random

from pangea.core.errors import LinkClosed, ProtocolError
from pangea.mesh.channel import Channel
from pangea.mesh.handshake import Initiator
from pangea.mesh.info import NodeInfo, write_info
from pangea.mesh.refusal import Refusal, Refused

KNOCK_S = 5.0


class Met(NamedTuple):
    """Who answered: the proven key, and what it says of itself."""

    key: bytes
    info: NodeInfo


class _Nobody:
    """Stands where a node key would: nothing is ever signed."""

    def __init__(self) -> None:
        self.public_key = random(32)

    def sign(self, data: bytes) -> bytes:
        """Refuse; the third message is never made."""
        raise ProtocolError("whoever only knocks signs nothing")


class _Enough(ProtocolError):
    """We know who it is."""


async def knock(channel: Channel, secret: bytes, boot: str) -> Met:
    """Return who answers on *channel* and takes *secret*; the channel is closed.

    Raises `Refused`: with `Refusal.CLOSED` the other side does not take the secret.
    """
    met: list[Met] = []

    def look(key: bytes, info: NodeInfo) -> None:
        met.append(Met(key, info))
        raise _Enough("that is all we wanted to know")

    info = write_info(NodeInfo(role="worker", name="doctor", boot=boot))
    side = Initiator(_Nobody(), secret, info, look, prologue=channel.prologue)
    try:
        async with asyncio.timeout(KNOCK_S):
            await channel.send(side.start())
            side.finish(await channel.receive())
    except _Enough:
        return met[0]
    except LinkClosed as error:
        message = f"it does not take our secret: {error}"
        raise Refused(Refusal.CLOSED, message) from error
    except TimeoutError as error:
        raise Refused(Refusal.TIMEOUT, f"no answer within {KNOCK_S:g} s") from error
    finally:
        await channel.close()
    raise ProtocolError("the handshake went on without us")
