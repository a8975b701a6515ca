"""A coordinator's door over TLS, and somebody who ends TLS on the way to it."""

import asyncio
import ssl
from contextlib import asynccontextmanager

from pangea.mesh.info import NodeInfo
from pangea.mesh.link import initiate, respond
from pangea.mesh.messages import Welcome
from pangea.mesh.replay import ReplayCache
from pangea.web.certificate import keep_own
from pangea.web.tls import load
from tests.mesh.fakes import Stillness
from tests.mesh.parties import COORDINATOR, SECRET, WORKER, anyone


def own_pair(place, names=("localhost", "127.0.0.1"), now=1_790_000_000.0):
    """Make a certificate in *place*; return the paths."""
    return keep_own(place, names, now)


async def welcome(channel, address="", proven=lambda: None):
    """Answer a handshake as the coordinator, bound to what *channel* says."""
    link = await respond(
        channel,
        COORDINATOR,
        [SECRET],
        NodeInfo(role="coordinator"),
        anyone,
        ReplayCache(),
        clock=Stillness(),
        prologue=channel.prologue,
    )
    proven()
    await link.send(Welcome(status="approved", sid=link.sid))
    try:
        while True:
            await link.send(await link.receive())
    finally:
        await link.close()


async def join(channel):
    """Shake hands as a worker and hear the welcome; return the link."""
    link = await initiate(
        channel,
        WORKER,
        SECRET,
        NodeInfo(role="worker"),
        anyone,
        clock=Stillness(),
        prologue=channel.prologue,
    )
    assert isinstance(await link.receive(), Welcome)
    return link


@asynccontextmanager
async def middleman(place, port, *, change=lambda data: data):
    """End TLS with a certificate of his own and carry on to *port*, by TLS.

    Yields his port; *change* is what he does to what the worker says.
    """
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.check_hostname, asking.verify_mode = False, ssl.CERT_NONE

    async def carry(reader, writer, alter=lambda data: data):
        try:
            while data := await reader.read(65536):
                writer.write(alter(data))
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def between(reader, writer):
        there, out = await asyncio.open_connection("127.0.0.1", port, ssl=asking)
        await asyncio.gather(carry(reader, out, change), carry(there, writer))

    server = await asyncio.start_server(
        between, "127.0.0.1", 0, ssl=load(own_pair(place))
    )
    async with server:
        yield server.sockets[0].getsockname()[1]
