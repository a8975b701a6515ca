"""Pings by the thousand over one shared socket per family and source."""

import asyncio
import socket
import struct

from pangea.core.failure import ProbeError, from_os_error

from .datagram import Ancillary, literal
from .icmp_burst import Burst, Request
from .icmp_command import ping_command, run_ping
from .icmp_flight import bare
from .icmp_pinger import Pinger, SocketKey
from .icmp_socket import icmp_right, no_right

__all__ = ["Burst", "IcmpEngine", "Request", "icmp_right"]

#: sockets above which the idle ones are closed
_MANY = 32


class IcmpEngine:
    """The ping sockets of this process, opened as they are needed."""

    def __init__(self) -> None:
        self._pingers: dict[SocketKey, Pinger] = {}
        self._commands: set[asyncio.Task[None]] = set()

    def begin(self, request: Request) -> Burst:
        """Send the first packet of *request* and return the burst under way.

        ``await burst.done`` for its end, and call ``burst.finish()`` if you stop
        waiting before. Raises ProbeError for a malformed address, a missing
        right (``no_right``) or a missing address family.
        """
        family, where = literal(request.address)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        burst = Burst(request, bare(where[0]), done)
        key = (family, request.source, request.dont_fragment)
        try:
            pinger = self._pingers.get(key) or self._open(key)
        except PermissionError as error:
            command = ping_command()
            if command is None:
                raise no_right() from error
            self._run_command(burst, command)
            return burst
        pinger.begin(burst, where, _per_packet(family, request))
        return burst

    async def close(self) -> None:
        """Close every socket; pings under way end with ``cancelled``."""
        for pinger in self._pingers.values():
            pinger.close()
        self._pingers.clear()
        for task in self._commands:
            task.cancel()
        await asyncio.gather(*self._commands, return_exceptions=True)

    def _run_command(self, burst: Burst, command: str) -> None:
        task = asyncio.create_task(run_ping(burst, command))
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)
        task.add_done_callback(lambda ended: _settle(burst, ended))
        burst.done.add_done_callback(lambda _: task.cancel())

    def _open(self, key: SocketKey) -> Pinger:
        try:
            self._tidy()
            pinger = self._pingers[key] = Pinger(key)
        except PermissionError:
            raise
        except OSError as error:
            by = f" on {key[1]}" if key[1] else ""
            raise from_os_error(error, f"opening the ping socket{by}") from error
        return pinger

    def _tidy(self) -> None:
        """Close idle sockets if there are many: sources come and go with jobs."""
        if len(self._pingers) >= _MANY:
            for key, pinger in list(self._pingers.items()):
                if pinger.idle:
                    self._pingers.pop(key).close()


def _settle(burst: Burst, ended: "asyncio.Task[None]") -> None:
    """End *burst* with its command, however that ended."""
    if ended.cancelled():
        burst.finish(ProbeError("cancelled"))
    elif isinstance(error := ended.exception(), OSError):
        burst.finish(from_os_error(error, "starting ping"))
    elif isinstance(error, Exception):
        burst.finish(error)


def _per_packet(family: socket.AddressFamily, request: Request) -> Ancillary:
    if request.ttl is None and request.tos is None:
        return []
    v6 = family == socket.AF_INET6
    level = socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP
    ttl = socket.IPV6_HOPLIMIT if v6 else socket.IP_TTL
    tos = socket.IPV6_TCLASS if v6 else socket.IP_TOS
    asked = ((ttl, request.ttl), (tos, request.tos))
    return [(level, kind, struct.pack("@i", v)) for kind, v in asked if v is not None]
