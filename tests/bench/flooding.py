"""Sends forged first messages from many addresses, as fast as one process can.

    python -m tests.bench.flooding PORT SECONDS ADDRESSES

It is an attacker in one thread, without a library: each connection asks for the
upgrade and sends a first message of the right shape in the same breath, reads
what comes and goes. Prints how many connections it opened, and what was answered.
"""

import errno
import json
import os
import selectors
import socket
import sys
import time
from collections import Counter

from pangea.mesh.first_message import KIND_SECRET, NO_HINT, write_first

#: Connections that are open at the same time.
OPEN = 400
PATIENCE_S = 1.0
_ASK = (
    b"GET /mesh HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def main(port: int, seconds: float, addresses: int) -> None:
    """Flood the port of loopback for so long, from so many addresses."""
    ready, opened, said = selectors.DefaultSelector(), 0, Counter[str]()
    live: dict[socket.socket, float] = {}
    until = time.monotonic() + seconds
    while (now := time.monotonic()) < until:
        while len(live) < OPEN:
            number = opened % addresses
            sock = knock(port, f"127.1.{number // 250}.{number % 250 + 1}")
            opened += 1
            if sock is not None:
                ready.register(sock, selectors.EVENT_WRITE)
                live[sock] = now
            else:
                said["no socket"] += 1
                break
        for key, events in ready.select(0.01):
            sock = key.fileobj
            assert isinstance(sock, socket.socket), "only sockets are registered"
            over = (
                _speak(sock, ready) if events & selectors.EVENT_WRITE else _hear(sock)
            )
            if over:
                said[over] += 1
                _end(sock, ready, live)
        for sock in [s for s, at in live.items() if now - at > PATIENCE_S]:
            said["silence"] += 1
            _end(sock, ready, live)
    print(json.dumps({"opened": opened, "said": dict(said)}))


def knock(port: int, source: str) -> socket.socket | None:
    """Return a connection from *source* that is being opened."""
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    try:
        sock.bind((source, 0))
    except OSError:
        sock.close()
        return None
    if sock.connect_ex(("127.0.0.1", port)) not in (0, errno.EINPROGRESS):
        sock.close()
        return None
    return sock


def _speak(sock: socket.socket, ready: selectors.BaseSelector) -> str:
    """Send the whole attack; return why it is over, or ""."""
    try:
        sock.send(_ASK + _frame(_forged()))
    except OSError as error:
        return error.strerror or "error"
    ready.modify(sock, selectors.EVENT_READ)
    return ""


def _hear(sock: socket.socket) -> str:
    """Return what the server said in the end, or ""."""
    try:
        data = sock.recv(4096)
    except OSError as error:
        return error.strerror or "error"
    if not data:
        return "closed"
    status = data[9:12].decode(errors="replace") if data[:5] == b"HTTP/" else ""
    return "" if status == "101" else status or "closed"


def _end(
    sock: socket.socket,
    ready: selectors.BaseSelector,
    live: dict[socket.socket, float],
) -> None:
    ready.unregister(sock)
    del live[sock]
    sock.close()


def _forged() -> bytes:
    """Return a first message of the right shape that proves another secret."""
    return write_first(os.urandom(32), os.urandom(32), kind=KIND_SECRET, hint=NO_HINT)


def _frame(data: bytes) -> bytes:
    """Return *data* as a masked binary frame (RFC 6455, 5.2); the mask is zero."""
    return bytes((0x82, 0x80 | len(data))) + bytes(4) + data


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
