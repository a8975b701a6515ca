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


#: what mail servers say: a part of the line they hear → the answer
SMTP = {
    "EHLO": "250-mail.test\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 HELP",
    "STARTTLS": "220 go ahead",
}
SMTP_PLAIN = {"EHLO": "250-mail.test\r\n250 HELP", "STARTTLS": "502 what?"}
IMAP = {"STARTTLS": "a OK begin"}
POP3 = {"STLS": "+OK begin"}
FTP = {"AUTH TLS": "234 begin"}


def talks(
    greeting: str, answers: dict[str, str], tls: ssl.SSLContext | None
) -> Handler:
    """Return a server of lines; with *tls* it changes to that after the last answer."""
    consent = list(answers.values())[-1]

    async def serve(reader: asyncio.StreamReader, writer) -> None:
        writer.write(f"{greeting}\r\n".encode())
        while line := (await reader.readline()).decode("latin-1").upper():
            said = next((s for part, s in answers.items() if part in line), "502 what?")
            writer.write(f"{said}\r\n".encode())
            await writer.drain()
            if tls and said == consent:
                await writer.start_tls(tls)

    return serve


def tls_context(shown: Shown) -> ssl.SSLContext:
    """Return a server's side of TLS that shows *shown*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.chain, shown.key)
    return context
