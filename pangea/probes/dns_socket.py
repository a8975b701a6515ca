"""One UDP socket and the queries that wait on it."""

import asyncio
import errno
import os
import socket
import time

from pangea.core.failure import ProbeError, ProbeFailed

from .base import Trace
from .datagram import (
    ANCILLARY,
    DRAIN,
    SENDS_UNREAD,
    Address,
    Moment,
    QueuedError,
    WatchedSocket,
    elapsed_ms,
    send_failure,
    stamp,
)
from .dns_answer import Answer, broken
from .dns_wire import Query, Reply, WireError
from .icmp_packet import explain

#: bytes read of one packet; no query of ours allows a longer one
ROOM = 4096
#: identifiers fetched from the system's generator at a time
_IDENTIFIERS = 128
_TRIES = 16


class _Asked:
    """A query under way; ``ignored`` says what came that was no answer to it."""

    __slots__ = ("done", "ignored", "query", "sent", "where")

    def __init__(
        self, query: Query, where: Address, done: "asyncio.Future[Answer]"
    ) -> None:
        self.query, self.where, self.done = query, where, done
        self.ignored = ""
        self.sent = Moment(0, 0)


class DnsSocket:
    """Asks many servers at once; only the one asked is believed."""

    def __init__(self, family: socket.AddressFamily) -> None:
        self._v6 = family == socket.AF_INET6
        self._loop = asyncio.get_running_loop()
        sock = socket.socket(family, socket.SOCK_DGRAM)
        self._watched = WatchedSocket(sock, self._drain, self._on_error)
        self._receive = sock.recvmsg
        self._waiting: dict[int, _Asked] = {}
        self._identifiers: list[int] = []
        self._unread = 0

    async def ask(self, query: Query, where: Address, trace: Trace) -> Answer:
        """Send *query* to *where* and wait for its answer without end.

        The phase is ``query``; the reading ``ignored`` tells what else came while
        there was no answer. Raises ProbeFailed or ProbeError.
        """
        identifier = self._identifier(where)
        asked = _Asked(query, where, self._loop.create_future())
        self._waiting[identifier] = asked
        begun = time.monotonic_ns()
        try:
            sent_ns = self._send(query.wire(identifier), where)
            asked.sent = Moment(sent_ns, begun)
            answer = await asked.done
        except BaseException:
            trace.phases["query"] = (time.monotonic_ns() - begun) / 1e6
            if asked.ignored:
                trace.readings["ignored"] = asked.ignored
            raise
        finally:
            trace.last = "query"
            # Once answered, the identifier may already be another query's.
            if self._waiting.get(identifier) is asked:
                del self._waiting[identifier]
        trace.phases["query"] = answer.duration_ms
        return answer

    def close(self) -> None:
        """Close the socket; whoever still waits gets ``cancelled``."""
        self._watched.close()
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
        raise ProbeError("no_resources", f"too many queries wait for {show(where)}")

    def _send(self, wire: bytes, where: Address) -> int:
        self._unread += 1
        if self._unread > SENDS_UNREAD:
            # A worker that catches up must not drown the answers in its own burst.
            self._drain()
        try:
            return self._watched.send(wire, [], where)
        except OSError as error:
            raise send_failure(error, f"asking {show(where)}") from error

    def _drain(self) -> None:
        """Read what has come; there may be more, then the loop calls again."""
        self._unread = 0
        for _ in range(DRAIN):
            try:
                data, ancillary, flags, address = self._receive(ROOM, ANCILLARY)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                # The kernel says here that the error queue holds something.
                self._watched.drain_errors()
                continue
            self._on_packet(data, address, stamp(ancillary), flags)
            if not self._waiting:
                return  # nothing is expected that would be worth another look

    def _on_packet(
        self, data: bytes, address: Address, received_ns: int | None, flags: int
    ) -> None:
        identifier = int.from_bytes(data[:2], "big")
        asked = self._waiting.get(identifier)
        if asked is None:
            return
        if address != asked.where and not _is_same(address, asked.where):
            asked.ignored = f"an answer from {show(address)}"
            return
        try:
            if not asked.query.is_answered_by(data):
                asked.ignored = "an answer to another question"
                return
            if flags & socket.MSG_TRUNC:
                raise WireError(f"it is longer than {ROOM} bytes")
        except WireError as error:
            _fail(asked, broken(error))
            return
        del self._waiting[identifier]
        if not asked.done.done():
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
        return ProbeFailed(reason, f"asking {show(error.destination)}: {by}{words}")


def show(where: Address) -> str:
    """Return a socket's address as people write it."""
    host, port = where[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _fail(asked: _Asked, error: ProbeFailed) -> None:
    if not asked.done.done():
        asked.done.set_exception(error)


def _is_same(one: Address, other: Address) -> bool:
    return bool(one[1] == other[1] and _bare(one[0]) == _bare(other[0]))


def _bare(address: str) -> str:
    return address.partition("%")[0] if "%" in address else address
