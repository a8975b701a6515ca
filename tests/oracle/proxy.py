"""A forward proxy, in the least code that deserves the name."""

import asyncio
from urllib.parse import urlsplit


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass one request on: a tunnel for CONNECT, else the request to its host."""
    head = await reader.readuntil(b"\r\n\r\n")
    method, where, rest = head.split(b" ", 2)
    if method == b"CONNECT":
        host, _, port = where.decode().rpartition(":")
        back, out = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    else:
        url = urlsplit(where.decode())
        back, out = await asyncio.open_connection(url.hostname, url.port or 80)
        out.write(b" ".join((method, (url.path or "/").encode(), rest)))
    try:
        await asyncio.gather(_pass(reader, out), _pass(back, writer))
    finally:
        out.close()


async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say no to whatever is asked."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
