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

from pangea.core.failure import ProbeError, ProbeFailed
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
from .dns_answer import Answer, broken
from .dns_stream import ask_tcp
from .dns_wire import Query, Reply, WireError
from .icmp_packet import explain

PORT = 53
RESOLV_CONF = Path("/etc/resolv.conf")
#: sockets per family; with the identifier their ports are what a forger must guess
_POOL = 4
#: bytes read of one packet; no query of ours allows a longer one
ROOM = 4096
#: identifiers fetched from the system's generator at a time
_IDENTIFIERS = 128
_TRIES = 16
_RESOLV_CONF_LIMIT = 1 << 16

Server = tuple[str, int]


class _Asked:
    """A query under way; ``ignored`` says what came that was no answer to it."""

    __slots__ = ("done", "ignored", "query", "sent", "where")

    def __init__(
        self, query: Query, where: Address, done: "asyncio.Future[Answer]"
    ) -> None:
        self.query, self.where, self.done = query, where, done
        self.ignored = ""
        self.sent = Moment(0, 0)


class _Asker:
    """One UDP socket and the queries that wait on it."""

    def __init__(self, family: socket.AddressFamily) -> None:
        self._v6 = family == socket.AF_INET6
        sock = socket.socket(family, socket.SOCK_DGRAM)
        self._socket = DatagramSocket(sock, self._on_packet, self._on_error, ROOM)
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, _Asked] = {}
        self._identifiers: list[int] = []

    async def ask(self, query: Query, where: Address, trace: Trace) -> Answer:
        """Send *query* to *where* and wait for its answer without end."""
        identifier = self._identifier(where)
        asked = _Asked(query, where, self._loop.create_future())
        self._waiting[identifier] = asked
        begun = time.perf_counter()
        try:
            asked.sent = self._socket.send(query.wire(identifier), [], where)
            answer = await asked.done
        except BaseException as error:
            trace.phases["query"] = (time.perf_counter() - begun) * 1000
            if asked.ignored:
                trace.readings["ignored"] = asked.ignored
            if isinstance(error, OSError):
                raise send_failure(error, f"asking {_show(where)}") from error
            raise
        finally:
            trace.last = "query"
            del self._waiting[identifier]
        trace.phases["query"] = answer.duration_ms
        return answer

    def close(self) -> None:
        """Close the socket; whoever still waits gets ``cancelled``."""
        self._socket.close()
        for asked in self._waiting.values():
            _fail(asked, ProbeError("cancelled"))

    def _identifier(self, where: Address) -> int:
        """Return an unused identifier that nobody can foretell."""
        for _ in range(_TRIES):
            if not self._identifiers:
                fresh = memoryview(os.urandom(2 * _IDENTIFIERS)).cast("H")
                self._identifiers.extend(fresh)
            identifier = self._identifiers.pop()
            if identifier not in self._waiting:
                return identifier
        raise ProbeError("no_resources", f"too many queries wait for {_show(where)}")

    def _on_packet(
        self,
        data: bytes,
        _ancillary: Ancillary,
        address: Address,
        received_ns: int | None,
    ) -> None:
        asked = self._waiting.get(int.from_bytes(data[:2], "big"))
        if asked is None or asked.done.done():
            return
        if address != asked.where and not _is_same(address, asked.where):
            asked.ignored = f"an answer from {_show(address)}"
            return
        try:
            if not asked.query.is_answered_by(data):
                asked.ignored = "an answer to another question"
                return
        except WireError as error:
            asked.done.set_exception(broken(error))
            return
        took = elapsed_ms(asked.sent, received_ns)
        asked.done.set_result(Answer(Reply(data), took, "udp"))

    def _on_error(self, error: QueuedError) -> None:
        if error.errno == errno.EMSGSIZE or not error.destination:
            return
        quoted = error.payload[:2]
        for identifier, asked in self._waiting.items():
            # Routers need not quote more than the UDP header.
            ours = len(quoted) < 2 or identifier == int.from_bytes(quoted, "big")
            if ours and _is_same(error.destination, asked.where):
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
        self._read: tuple[tuple[int, int, int], str | None] = ((0, 0, 0), None)
        self._pools: dict[socket.AddressFamily, deque[_Asker]] = {}

    def system_resolver(self) -> Server:
        """Return the system's first name server, read anew when its file changes.

        Raises ProbeError("no_resolver") if there is none.
        """
        try:
            state = self._resolv_conf.stat()
            key = state.st_mtime_ns, state.st_size, state.st_ino
            if self._read[0] != key:
                self._read = key, self._first_nameserver()
        except OSError as error:
            detail = f"{self._resolv_conf}: {(error.strerror or '').lower()}"
            raise ProbeError("no_resolver", detail) from error
        address = self._read[1]
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
            return await ask_tcp(query, *server, trace)
        family, where = literal(*server)
        answer = await self._asker(family).ask(query, where, trace)
        if not answer.reply.truncated:
            return answer
        try:
            whole = await ask_tcp(query, *server, trace)
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

    def _asker(self, family: socket.AddressFamily) -> _Asker:
        pool = self._pools.setdefault(family, deque())
        if len(pool) < _POOL:
            pool.append(_Asker(family))
        pool.rotate()
        return pool[0]

    def _first_nameserver(self) -> str | None:
        with self._resolv_conf.open(encoding="utf-8", errors="replace") as file:
            return first_nameserver(file.read(_RESOLV_CONF_LIMIT))


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


def _is_same(one: Address, other: Address) -> bool:
    return one[1] == other[1] and _bare(one[0]) == _bare(other[0])


def _bare(address: str) -> str:
    return address.partition("%")[0] if "%" in address else address


def _show(where: Address) -> str:
    host, port = where[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
