"""DNS queries over a few shared sockets, never through a cache."""

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
import time
from collections import deque
from pathlib import Path
from typing import NamedTuple

from pangea.core.failure import ProbeError, ProbeFailed, from_os_error
from pangea.core.model import Outcome

from .base import Trace
from .datagram import (
    Address,
    Ancillary,
    DatagramSocket,
    Moment,
    QueuedError,
    elapsed_ms,
    literal,
    send_failure,
)
from .dns_wire import Query, Reply, WireError
from .icmp_packet import explain

PORT = 53
RESOLV_CONF = Path("/etc/resolv.conf")
#: sockets per family; with the identifier their ports are what a forger must guess
_POOL = 4
_ROOM = 4096
_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_RESOLV_CONF_LIMIT = 1 << 16

Server = tuple[str, int]


class Answer(NamedTuple):
    """A response, how long it took and whether ``udp`` or ``tcp`` brought it."""

    reply: Reply
    duration_ms: float
    transport: str


class _Asked:
    """A query under way."""

    __slots__ = ("done", "query", "sent")

    def __init__(self, query: Query, done: "asyncio.Future[Answer]") -> None:
        self.query, self.done = query, done
        self.sent = Moment(0, 0)


_Key = tuple[int, str, int]


class _Asker:
    """One UDP socket and the queries that wait on it."""

    def __init__(self, family: socket.AddressFamily) -> None:
        self._v6 = family == socket.AF_INET6
        sock = socket.socket(family, socket.SOCK_DGRAM)
        self._socket = DatagramSocket(sock, self._on_packet, self._on_error, _ROOM)
        self._waiting: dict[_Key, _Asked] = {}

    async def ask(self, query: Query, where: Address) -> Answer:
        """Send *query* to *where* and wait for its answer without end."""
        asked = _Asked(query, asyncio.get_running_loop().create_future())
        key = self._key(where)
        self._waiting[key] = asked
        try:
            asked.sent = self._socket.send(query.wire(key[0]), [], where)
            return await asked.done
        except OSError as error:
            raise send_failure(error, f"asking {_show(where)}") from error
        finally:
            del self._waiting[key]

    def close(self) -> None:
        """Close the socket; whoever still waits gets ``cancelled``."""
        self._socket.close()
        for asked in self._waiting.values():
            _fail(asked, ProbeError("cancelled"))

    def _key(self, where: Address) -> _Key:
        """Return an unused key; 65536 queries at once to one server are enough."""
        for _ in range(16):
            key = (int.from_bytes(os.urandom(2), "big"), _bare(where[0]), where[1])
            if key not in self._waiting:
                return key
        raise ProbeError("no_resources", f"too many queries wait for {_show(where)}")

    def _on_packet(
        self,
        data: bytes,
        _ancillary: Ancillary,
        address: Address,
        received_ns: int | None,
    ) -> None:
        key = (int.from_bytes(data[:2], "big"), _bare(address[0]), address[1])
        asked = self._waiting.get(key)
        if asked is None or asked.done.done():
            return
        try:
            if asked.query.is_answered_by(data):
                took = elapsed_ms(asked.sent, received_ns)
                asked.done.set_result(Answer(Reply(data), took, "udp"))
        except WireError as error:
            _fail(asked, ProbeFailed("protocol", f"bad DNS answer: {error}"))

    def _on_error(self, error: QueuedError) -> None:
        if error.errno == errno.EMSGSIZE or not error.destination:
            return
        host, port = _bare(error.destination[0]), error.destination[1]
        quoted = error.payload[:2]
        for (identifier, *server), asked in self._waiting.items():
            # Routers need not quote more than the UDP header.
            ours = len(quoted) < 2 or identifier == int.from_bytes(quoted, "big")
            if ours and server == [host, port]:
                _fail(asked, self._refusal(error))

    def _refusal(self, error: QueuedError) -> ProbeFailed:
        reason, words = explain(self._v6, error.type, error.code, error.info)
        if error.errno == errno.ECONNREFUSED:
            reason = "refused"
        by = f"{error.offender}: " if error.offender else ""
        return ProbeFailed(reason, f"asking {_show(error.destination)}: {by}{words}")


class DnsEngine:
    """The query sockets of this process, opened as they are needed."""

    def __init__(self, resolv_conf: Path = RESOLV_CONF) -> None:
        self._resolv_conf = resolv_conf
        self._pools: dict[socket.AddressFamily, deque[_Asker]] = {}

    def system_resolver(self) -> Server:
        """Return the system's first name server, read anew each time.

        Raises ProbeError("no_resolver") if there is none.
        """
        try:
            with self._resolv_conf.open(encoding="utf-8", errors="replace") as file:
                text = file.read(_RESOLV_CONF_LIMIT)
        except OSError as error:
            detail = f"{self._resolv_conf}: {(error.strerror or '').lower()}"
            raise ProbeError("no_resolver", detail) from error
        address = first_nameserver(text)
        if address is None:
            raise ProbeError("no_resolver", f"{self._resolv_conf} names no server")
        return address, PORT

    async def ask(
        self, query: Query, server: Server, transport: str, trace: Trace
    ) -> Answer:
        """Ask *server*, a literal address and port, and return its answer.

        Over ``udp`` a truncated answer is asked for again over TCP. Waits without
        end for a silent server. Raises ProbeFailed, ProbeError or OSError.
        """
        if transport == "tcp":
            return await self._ask_tcp(query, server, trace)
        answer = await self._ask_udp(query, server, trace)
        if not answer.reply.truncated:
            return answer
        try:
            whole = await self._ask_tcp(query, server, trace)
        except ProbeFailed as failure:
            if failure.outcome is Outcome.ERROR:
                raise
            detail = f"the answer was cut, and over TCP: {failure.detail}"
            raise ProbeFailed("truncated", detail) from failure
        return whole._replace(duration_ms=answer.duration_ms + whole.duration_ms)

    async def close(self) -> None:
        """Close every socket; queries under way end with ``cancelled``."""
        for pool in self._pools.values():
            for asker in pool:
                asker.close()
        self._pools.clear()

    async def _ask_udp(self, query: Query, server: Server, trace: Trace) -> Answer:
        family, where = literal(*server)
        with trace.phase("query"):
            answer = await self._asker(family).ask(query, where)
        trace.phases["query"] = answer.duration_ms
        return answer

    def _asker(self, family: socket.AddressFamily) -> _Asker:
        pool = self._pools.setdefault(family, deque())
        if len(pool) < _POOL:
            pool.append(_Asker(family))
        pool.rotate()
        return pool[0]

    async def _ask_tcp(self, query: Query, server: Server, trace: Trace) -> Answer:
        host, port = server
        begun = time.monotonic()
        try:
            with trace.phase("connect"):
                reader, writer = await asyncio.open_connection(host, port)
            try:
                with trace.phase("query"):
                    data = await _exchange(reader, writer, query)
            finally:
                writer.transport.abort()
        except OSError as error:
            # asyncio's own text names the address again and not what happened.
            number = error.errno or 0
            plain = OSError(number, os.strerror(number))
            raise from_os_error(plain, f"asking {_show(server)} over TCP") from error
        took_ms = (time.monotonic() - begun) * 1000
        return Answer(_checked(query, data), took_ms, "tcp")


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, query: Query
) -> bytes:
    """Return the answer to *query*; both go behind their length (RFC 7766)."""
    wire = query.wire(int.from_bytes(os.urandom(2), "big"))
    writer.write(len(wire).to_bytes(2, "big") + wire)
    try:
        length = int.from_bytes(await reader.readexactly(2), "big")
        data = await reader.readexactly(length)
    except asyncio.IncompleteReadError as error:
        raise ProbeFailed("closed") from error
    if data[:2] != wire[:2]:
        raise ProbeFailed("protocol", "bad DNS answer: its identifier is not ours")
    return data


def _checked(query: Query, data: bytes) -> Reply:
    try:
        if not query.is_answered_by(data):
            raise WireError("it answers another question")
        return Reply(data)
    except WireError as error:
        raise ProbeFailed("protocol", f"bad DNS answer: {error}") from error


def first_nameserver(text: str) -> str | None:
    """Return the first sound address on a ``nameserver`` line of resolv.conf(5)."""
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            with contextlib.suppress(ValueError):
                ipaddress.ip_address(words[1])
                return words[1]
    return None


def _fail(asked: _Asked, error: ProbeFailed) -> None:
    if not asked.done.done():
        asked.done.set_exception(error)


def _bare(address: str) -> str:
    return address.partition("%")[0] if "%" in address else address


def _show(where: Address) -> str:
    host, port = where[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
