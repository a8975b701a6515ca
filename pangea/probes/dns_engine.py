"""DNS queries over a few shared sockets, never through a cache."""

import contextlib
import ipaddress
import socket
from pathlib import Path

from pangea.core.failure import ProbeError, ProbeFailed
from pangea.core.model import Outcome

from .base import Trace
from .datagram import literal
from .dns_answer import Answer
from .dns_socket import DnsSocket
from .dns_stream import ask_tcp
from .dns_wire import Query

PORT = 53
RESOLV_CONF = Path("/etc/resolv.conf")
#: sockets per family; with the identifier their ports are what a forger must guess
_POOL = 4
_RESOLV_CONF_LIMIT = 1 << 16

Server = tuple[str, int]


class DnsEngine:
    """The query sockets of this process, opened as they are needed."""

    def __init__(self, resolv_conf: Path = RESOLV_CONF) -> None:
        self._resolv_conf = resolv_conf
        self._read: tuple[tuple[int, int, int], str | None] = ((0, 0, 0), None)
        self._pools: dict[socket.AddressFamily, list[DnsSocket]] = {}
        self._turn = 0

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
        answer = await self._socket(family).ask(query, where, trace)
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
            for one in pool:
                one.close()
        self._pools.clear()

    def _socket(self, family: socket.AddressFamily) -> DnsSocket:
        """Return the sockets of *family* in turn."""
        pool = self._pools.get(family)
        if pool is None:
            pool = self._pools[family] = []
        self._turn = turn = (self._turn + 1) % _POOL
        if turn >= len(pool):
            pool.append(DnsSocket(family))
            return pool[-1]
        return pool[turn]

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
