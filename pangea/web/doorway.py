"""A port that speaks TLS, and tells who speaks plain HTTP to it where to go."""

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import Callable, Sequence
from http import HTTPStatus

log = logging.getLogger(__name__)

#: Connections at once whose TLS has not begun yet; of more the oldest ends. Who
#: means it is through in milliseconds, so a crowd that says nothing shuts nobody out.
WAITING = 512
#: What a plain request may be long until the end of its head, in bytes.
MAX_HEAD = 4096
_HANDSHAKE = 0x16  # ContentType handshake (RFC 8446, 5.1)
_REQUEST = re.compile(
    rb"(?P<method>[A-Z]{3,7}) (?P<path>/[!-~]{0,2000}) HTTP/1\.[01]\r\n", re.ASCII
)
_HOST = re.compile(
    rb"\r\nhost:[ \t]*([a-z0-9._-]{1,253}|\[[0-9a-f:.]+\])(:\d{1,5})?[ \t]*\r\n", re.I
)
_NOT_BY_REDIRECT = re.compile(rb"\r\n(upgrade|authorization):", re.I)

Factory = Callable[[], asyncio.Protocol]


class Doorway:
    """Accepts on listening sockets; each connection is looked at, then handed on.

    The first byte tells TLS from plain HTTP, before anything is read.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        factory: Factory,
        tls: ssl.SSLContext,
        wait_s: float,
        unheard: Callable[[str], bool] = lambda address: False,
    ) -> None:
        self._sockets = sockets
        self._factory = factory
        self._tls = tls
        self._wait_s = wait_s
        self._unheard = unheard
        self._greeted: dict[asyncio.Task[None], None] = {}  # the oldest first
        self._accepting = [
            asyncio.create_task(self._accept(sock), name="doorway") for sock in sockets
        ]

    def close(self) -> None:
        """Take no more connections, and forget those that have not begun."""
        for task in (*self._accepting, *self._greeted):
            task.cancel()
        for sock in self._sockets:
            sock.close()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(listening)
            except OSError as error:
                # Out of descriptors, or a connection that is gone already.
                log.debug("accepting: %s", error)
                await asyncio.sleep(0.05)
                continue
            if self._unheard(str(peer[0])):
                connection.close()
                continue
            if len(self._greeted) >= WAITING:
                oldest = next(iter(self._greeted))
                self._greeted.pop(oldest)
                oldest.cancel()
            task = asyncio.create_task(self._greet(connection), name="greet")
            self._greeted[task] = None
            task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._greeted.pop(task, None)

    async def _greet(self, connection: socket.socket) -> None:
        handed_on = False
        try:
            async with asyncio.timeout(self._wait_s):
                first = await _peek(connection)
                if first and first[0] == _HANDSHAKE:
                    handed_on = True
                    await self._hand_on(connection)
                elif first:
                    await _send_away(connection)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            log.debug("a connection that did not begin: %s", error)
        finally:
            if not handed_on:
                connection.close()

    async def _hand_on(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.connect_accepted_socket(
            self._factory,
            connection,
            ssl=self._tls,
            ssl_handshake_timeout=self._wait_s,
        )


async def _peek(connection: socket.socket) -> bytes:
    """Return the first byte, which stays to be read; b"" if there will be none."""
    loop = asyncio.get_running_loop()
    readable: asyncio.Future[None] = loop.create_future()

    def come() -> None:
        if not readable.done():
            readable.set_result(None)

    loop.add_reader(connection, come)
    try:
        await readable
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK)


async def _send_away(connection: socket.socket) -> None:
    """Read the head of a plain request and answer with the right address."""
    loop = asyncio.get_running_loop()
    head = b""
    while b"\r\n\r\n" not in head and len(head) < MAX_HEAD:
        more = await loop.sock_recv(connection, MAX_HEAD - len(head))
        if not more:
            return
        head += more
        if not _REQUEST.match(head) and b"\r\n" in head:
            return
    await loop.sock_sendall(connection, plain_answer(head))
    connection.shutdown(socket.SHUT_WR)


def plain_answer(head: bytes) -> bytes:
    """Return the whole answer to a plain request; b"" if it is none.

    A page is redirected for this time only: TLS may be switched off again. What
    carries a token, or wants another protocol, is told 426 (RFC 9110, 15.5.22).
    """
    request, host = _REQUEST.match(head), _HOST.search(head)
    if request is None:
        return b""
    ours = b"https://" + b"".join(p or b"" for p in host.groups()) if host else b""
    page = request["method"] in (b"GET", b"HEAD") and not _NOT_BY_REDIRECT.search(head)
    status = HTTPStatus.UPGRADE_REQUIRED
    lines = [b"Upgrade: TLS/1.2, HTTP/1.1", b"Connection: Upgrade, close"]
    if page and ours:
        status = HTTPStatus.TEMPORARY_REDIRECT
        lines = [b"Location: " + ours + request["path"], b"Connection: close"]
    body = b"This port speaks TLS: " + (ours or b"write https://") + b"\n"
    lines += [
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Length: %d" % len(body),
        b"Cache-Control: no-store",
        b"Server: pangea",
    ]
    first = b"HTTP/1.1 %d %s" % (status, status.phrase.encode())
    shown = b"" if request["method"] == b"HEAD" else body
    return b"\r\n".join([first, *lines, b"", shown])
