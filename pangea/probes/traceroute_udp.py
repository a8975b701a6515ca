"""Datagrams that end on the way, and the ICMP errors that tell where."""

import asyncio
import errno
import os
import socket
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, Self

from pangea.core.failure import ProbeError, from_os_error

from .datagram import (
    LINUX,
    Address,
    Ancillary,
    DatagramSocket,
    Moment,
    QueuedError,
    elapsed_ms,
    literal,
    send_failure,
)
from .icmp_packet import explain
from .traceroute_path import Reply

TOKEN = 8
_FIRST_OWN, _OWN_PORTS, _TRIES = 49_152, 16_000, 8
_ROOM = 256


class _Asked(NamedTuple):
    token: bytes
    sent: Moment
    answer: "asyncio.Future[Reply | None]"


class Datagrams:
    """One socket for a whole walk.

    Routers that share their load choose the way by addresses and ports: each hop
    has its own destination port and the source's follows from the target, so that
    the same ways are taken in every run.
    """

    def __init__(self, sock: socket.socket, where: Address, port: int) -> None:
        self._v6 = sock.family == socket.AF_INET6
        self._where, self._port = where, port
        self._asked: dict[int, list[_Asked]] = {}
        self._socket = DatagramSocket(sock, self._on_packet, self._on_error, _ROOM)

    @classmethod
    @contextmanager
    def open(cls, address: str, port: int, source: str) -> Iterator[Self]:
        """Yield the socket for walks to *address*; ProbeFailed if it cannot be."""
        if not LINUX:
            raise ProbeError("unsupported", "only Linux tells a socket of such errors")
        family, where = literal(address, port)
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM)
        except OSError as error:
            raise from_os_error(error, "opening a socket") from error
        try:
            _bind(sock, source, address)
            datagrams = cls(sock, where, port)
        except OSError as error:
            sock.close()
            by = f" on {source}" if source else ""
            raise from_os_error(error, f"opening a socket{by}") from error
        try:
            yield datagrams
        finally:
            datagrams._socket.close()

    async def ask(self, ttl: int, wait_s: float) -> Reply | None:
        """Send a datagram that may go *ttl* hops and return what came of it."""
        loop = asyncio.get_running_loop()
        token, port = os.urandom(TOKEN), self._port + ttl
        answer: asyncio.Future[Reply | None] = loop.create_future()
        host, _, *scope = self._where
        try:
            sent = self._socket.send(token, self._limit(ttl), (host, port, *scope))
        except OSError as error:
            raise send_failure(error, f"sending to {host}") from error
        asked = _Asked(token, sent, answer)
        self._asked.setdefault(port, []).append(asked)
        timer = loop.call_later(wait_s, self._give_up, answer)
        try:
            return await answer
        finally:
            timer.cancel()
            self._asked[port].remove(asked)

    def _give_up(self, answer: "asyncio.Future[Reply | None]") -> None:
        self._socket.drain_all()
        if not answer.done():
            answer.set_result(None)

    def _limit(self, ttl: int) -> Ancillary:
        value = struct.pack("@i", ttl)
        if self._v6:
            return [(socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT, value)]
        return [(socket.IPPROTO_IP, socket.IP_TTL, value)]

    def _on_packet(
        self,
        data: bytes,
        ancillary: Ancillary,
        address: Address,
        received_ns: int | None,
    ) -> None:
        """Take a real answer: something listens there, so the target is reached."""
        asked = self._whose(address, b"")
        if asked is not None:
            took = elapsed_ms(asked.sent, received_ns)
            asked.answer.set_result(Reply("target", _bare(address), took))

    def _on_error(self, error: QueuedError) -> None:
        if not error.destination:
            return
        asked = self._whose(error.destination, error.payload)
        if asked is None:
            return
        reason, words = explain(self._v6, error.type, error.code, error.info)
        closed = (error.type, error.code) == ((1, 4) if self._v6 else (3, 3))
        if closed or error.offender == _bare(self._where):
            kind = "target"
        else:
            kind = "hop" if reason == "ttl_exceeded" else reason
        took = elapsed_ms(asked.sent, error.received_ns)
        asked.answer.set_result(Reply(kind, error.offender, took, words))

    def _whose(self, destination: Address, quoted: bytes) -> _Asked | None:
        """Return the datagram to *destination*; routers need not quote the token."""
        if _bare(destination) != _bare(self._where):
            return None
        open_ = [a for a in self._asked.get(destination[1], ()) if not a.answer.done()]
        if len(quoted) >= TOKEN:
            open_ = [a for a in open_ if a.token == quoted[:TOKEN]]
        return open_[0] if open_ else None


def _bind(sock: socket.socket, source: str, address: str) -> None:
    """Bind to *source* and a port that is the same for *address* in every run."""
    v6 = sock.family == socket.AF_INET6
    host, _, *scope = literal(source)[1] if source else ("::" if v6 else "0.0.0.0", 0)
    first = zlib.crc32(address.encode()) % _OWN_PORTS
    for offset in range(_TRIES):
        port = _FIRST_OWN + (first + offset) % _OWN_PORTS
        try:
            sock.bind((host, port, *scope))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return
    sock.bind((host, 0, *scope))


def _bare(address: Address) -> str:
    return str(address[0]).partition("%")[0]
