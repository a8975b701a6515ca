"""A question by UDP to one address, and the first answer that comes."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, Self

from pangea.core.failure import ProbeFailed, from_os_error

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
from .icmp_packet import explain
from .target import bracketed

#: the longest datagram there is
_ROOM = 65_536


class Heard(NamedTuple):
    """An answer, and how long it took by the kernel's clock."""

    data: bytes
    rtt_ms: float


class Talk:
    """A connected socket: datagrams of others do not count as answers."""

    def __init__(self, sock: socket.socket, where: Address) -> None:
        self._where = where
        self._shown = f"{bracketed(str(where[0]))}:{where[1]}"
        self._v6 = sock.family == socket.AF_INET6
        self._sent = Moment(0, 0)
        self._heard: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()
        self._socket = DatagramSocket(sock, self._on_packet, self._on_error, _ROOM)

    @classmethod
    @contextmanager
    def open(cls, address: str, port: int) -> Iterator[Self]:
        """Yield a talk with *address*, a literal one; ProbeFailed if it cannot be."""
        family, where = literal(address, port)
        doing = f"asking {bracketed(address)}:{port}"
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM)
        except OSError as error:
            raise from_os_error(error, doing) from error
        try:
            sock.connect(where)
            talk = cls(sock, where)
        except OSError as error:
            sock.close()
            raise send_failure(error, doing) from error
        try:
            yield talk
        finally:
            talk._socket.close()

    def send(self, data: bytes) -> None:
        """Send *data*, once."""
        try:
            self._sent = self._socket.send(data, [], self._where)
        except OSError as error:
            raise send_failure(error, f"asking {self._shown}") from error

    async def hear(self) -> Heard:
        """Wait for the first answer; ProbeFailed if the network refuses."""
        return await self._heard

    def _on_packet(
        self,
        data: bytes,
        ancillary: Ancillary,
        address: Address,
        received_ns: int | None,
    ) -> None:
        if not self._heard.done():
            took = elapsed_ms(self._sent, received_ns)
            self._heard.set_result(Heard(data, took))

    def _on_error(self, error: QueuedError) -> None:
        if self._heard.done():
            return
        reason, words = explain(self._v6, error.type, error.code, error.info)
        if (error.type, error.code) == ((1, 4) if self._v6 else (3, 3)):
            failure = ProbeFailed("refused", f"{self._shown}: {words}")
        else:
            by = f"{error.offender}: " if error.offender else ""
            failure = ProbeFailed(reason, by + words)
        self._heard.set_exception(failure)
