"""Servers of lines and banners."""

import asyncio
import ssl

from tests.oracle.pki import Shown
from tests.oracle.stage import Handler


def says(*pieces: bytes, pause_s: float = 0.0) -> Handler:
    """Return a server that says *pieces* and waits for the client to leave."""

    async def serve(reader: asyncio.StreamReader, writer) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
        while await reader.read(4096):
            pass

    return serve


async def parrot(reader: asyncio.StreamReader, writer) -> None:
    """Answer each line with itself."""
    while line := await reader.readline():
        writer.write(b"you said " + line)
        await writer.drain()


def smtp(tls: ssl.SSLContext | None) -> Handler:
    """Return a mail server that offers STARTTLS if it has *tls*."""

    async def serve(reader: asyncio.StreamReader, writer) -> None:
        _say(writer, "220 mail.test ESMTP")
        while line := (await reader.readline()).decode("latin-1").strip().upper():
            if line.startswith("EHLO"):
                _say(writer, "250-mail.test", "250-PIPELINING")
                _say(writer, *(["250-STARTTLS"] if tls else []), "250 HELP")
            elif line == "STARTTLS" and tls:
                _say(writer, "220 go ahead")
                await writer.drain()
                await writer.start_tls(tls)
            elif line == "QUIT":
                _say(writer, "221 bye")
                return
            else:
                _say(writer, "502 what?")
            await writer.drain()

    return serve


def tls_context(shown: Shown) -> ssl.SSLContext:
    """Return a server's side of TLS that shows *shown*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.chain, shown.key)
    return context


def _say(writer: asyncio.StreamWriter, *lines: str) -> None:
    writer.write("".join(f"{line}\r\n" for line in lines).encode())
