"""A proxy that ends TLS, as small as one can be."""

import asyncio
from contextlib import asynccontextmanager
from ipaddress import ip_network

from pangea.web.tls import load
from tests.mesh.tls_parties import own_pair


def networks(*texts):
    """Return addresses and networks as the site takes them."""
    return tuple(ip_network(text) for text in texts)


@asynccontextmanager
async def terminating(place, port, said="X-Forwarded-Proto: https"):
    """Speak TLS for plain HTTP on *port*; add *said* to each request. Yields a port."""
    added = f"\r\nX-Forwarded-For: 192.0.2.9\r\n{said}\r\n\r\n".encode()

    async def between(reader, writer):
        there, out = await asyncio.open_connection("127.0.0.1", port)

        async def forth():
            head = await reader.readuntil(b"\r\n\r\n")
            out.write(head[:-4] + added)
            while data := await reader.read(65536):
                out.write(data)
            out.close()

        async def back():
            while data := await there.read(65536):
                writer.write(data)
            writer.close()

        await asyncio.gather(forth(), back(), return_exceptions=True)

    server = await asyncio.start_server(
        between, "127.0.0.1", 0, ssl=load(own_pair(place / "proxy"))
    )
    async with server:
        yield server.sockets[0].getsockname()[1]
