"""Takes connections from the listening sockets, a few at a time.

Whoever floods the door is closed here, unheard: that costs a tenth of what the
cheapest answer does. And what is open already has its turn between two handfuls, so
that a crowd at the door keeps nobody waiting who is inside.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence

from .doorway import Factory

log = logging.getLogger(__name__)

#: Connections taken before others have their turn.
HANDFUL = 8
#: After a failure to accept (no descriptors left) the next try waits, in seconds.
PAUSE_S = 0.05

Unheard = Callable[[str], bool]


class Acceptor:
    """Accepts on *sockets* and gives each connection a protocol of *factory*.

    *unheard* tells whether connections of an address are closed at once.
    """

    def __init__(
        self, sockets: Sequence[socket.socket], factory: Factory, unheard: Unheard
    ) -> None:
        self._sockets = list(sockets)
        self._factory = factory
        self._unheard = unheard
        self._loop = asyncio.get_running_loop()
        self._entering: set[asyncio.Task[None]] = set()
        for sock in self._sockets:
            self._loop.add_reader(sock, self._accept, sock)

    def close(self) -> None:
        """Take no more connections."""
        sockets, self._sockets = self._sockets, []
        for sock in sockets:
            self._loop.remove_reader(sock)
            sock.close()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(HANDFUL):
            try:
                connection, peer = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            except OSError as error:
                log.debug("accepting: %s", error)
                self._loop.remove_reader(listening)
                self._loop.call_later(PAUSE_S, self._go_on, listening)
                return
            if self._unheard(str(peer[0])):
                connection.close()
                continue
            connection.setblocking(False)
            task = self._loop.create_task(self._enter(connection))
            self._entering.add(task)
            task.add_done_callback(self._entering.discard)

    def _go_on(self, listening: socket.socket) -> None:
        if listening in self._sockets:
            self._loop.add_reader(listening, self._accept, listening)

    async def _enter(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._factory, connection)
        except OSError as error:
            log.debug("a connection that did not begin: %s", error)
            connection.close()
