"""Web servers that do it wrong, each in its own way, chosen by the path."""

import asyncio
import gzip
import socket
import struct

_OK = b"HTTP/1.1 200 OK\r\n"
PLAIN = _OK + b"Content-Length: 6\r\n\r\nhello\n"
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_PACKED = gzip.compress(b"hidden treasure\n")

#: path → the bytes of the answer, after which the server closes
ANSWERS = {
    "/plain": PLAIN,
    "/chunked": _CHUNKED + b"5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\nT: r\r\n\r\n",
    "/chunks-cut": _CHUNKED + b"5\r\nhello\r\n",
    "/chunks-bad": _CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n",
    "/http10": b"HTTP/1.0 200 OK\r\n\r\nhello until the end\n",
    "/empty": b"",
    "/head-cut": b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n",
    "/body-cut": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
    "/no-http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "/bad-status": b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n",
    "/two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6"
    b"\r\n\r\nhello\n",
    "/bad-length": b"HTTP/1.1 200 OK\r\nContent-Length: six\r\n\r\nhello\n",
    "/bad-header": b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\nhello\n",
    "/no-reason": b"HTTP/1.1 200\r\nContent-Length: 6\r\n\r\nhello\n",
    "/bare-lf": b"HTTP/1.1 200 OK\nContent-Length: 6\n\nhello\n",
    "/early": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + PLAIN,
    "/continue": b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN,
    "/gzip": _OK
    + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b"
    % (len(_PACKED), _PACKED),
    "/gzip-bad": _OK + b"Content-Encoding: gzip\r\nContent-Length: 20"
    b"\r\n\r\nhello, hello, hello\n",
    "/gzip-cut": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d"
    b"\r\n\r\n%b" % (len(_PACKED) - 9, _PACKED[:-9]),
    "/nowhere": b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    "/astray": b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\n"
    b"Content-Length: 0\r\n\r\n",
    "/endless-head": b"HTTP/1.1 200 OK\r\n"
    + b"X-Filler: abcdefghijklmnop\r\n" * 500_000,
    "/latin1": _OK + b"X-Name: caf\xe9\r\nContent-Length: 6\r\n\r\nhello\n",
}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request as its path wants it."""
    head = await reader.readuntil(b"\r\n\r\n")
    method, path, _ = head.split(b"\r\n")[0].decode().split(" ", 2)
    act = ACTS.get(path)
    if act:
        await act(reader, writer)
    elif path == "/echo":
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        body = method.encode() + b" " + await reader.readexactly(length)
        writer.write(PLAIN.replace(b": 6", b": %d" % len(body), 1)[:-6] + body)
        await writer.drain()
    else:
        writer.write(ANSWERS[path])
        await writer.drain()


async def reset_at_once(reader: asyncio.StreamReader, writer) -> None:
    """Reset the connection before a word is said."""
    reset(writer)


async def reset_at_hello(reader: asyncio.StreamReader, writer) -> None:
    """Reset the connection when the client has begun to speak."""
    await reader.read(1)
    reset(writer)


async def silent(reader: asyncio.StreamReader, writer) -> None:
    """Read everything and say nothing."""
    while await reader.read(4096):
        pass


async def close_at_hello(reader: asyncio.StreamReader, writer) -> None:
    """Hang up politely when the client has begun to speak."""
    await reader.read(4096)


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with RST instead of FIN."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _reset_head(reader: asyncio.StreamReader, writer) -> None:
    reset(writer)


async def _reset_body(reader: asyncio.StreamReader, writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
    await writer.drain()
    await asyncio.sleep(0.1)
    reset(writer)


async def _slow(reader: asyncio.StreamReader, writer) -> None:
    await asyncio.sleep(0.3)
    writer.write(PLAIN)
    await writer.drain()


async def _drip(reader: asyncio.StreamReader, writer) -> None:
    for byte in PLAIN * 10:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)


ACTS = {
    "/reset": _reset_head,
    "/reset-body": _reset_body,
    "/slow": _slow,
    "/drip": _drip,
    "/silent": silent,
}
