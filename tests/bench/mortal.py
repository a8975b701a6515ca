"""Targets that die when they are told to: they refuse, or say nothing any more."""

import selectors
import socket
import threading
from contextlib import suppress
from typing import NamedTuple

#: So many connections fill the queue of a listener that accepts none.
FILLERS = 3


class Target(NamedTuple):
    """A listener on loopback, and those that fill its queue once it is a hole."""

    listener: socket.socket
    fillers: list[socket.socket]

    @property
    def address(self) -> str:
        """Its address, as a job has it."""
        return "{}:{}".format(*self.listener.getsockname())


class Mortals:
    """Accepts what comes to any of *count* targets, until they die."""

    def __init__(self, count: int) -> None:
        self.targets = [
            Target(socket.create_server(("127.0.0.1", 0), backlog=64), [])
            for _ in range(count)
        ]
        self._alive = selectors.DefaultSelector()
        self._turn = threading.Lock()
        for target in self.targets:
            target.listener.setblocking(False)
            self._alive.register(target.listener, selectors.EVENT_READ)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def refuse(self, target: Target) -> None:
        """Let *target* refuse connections from now on."""
        with self._turn:
            self._alive.unregister(target.listener)
            target.listener.close()

    def swallow(self, target: Target) -> None:
        """Let *target* answer nothing from now on: its queue is full."""
        with self._turn:
            self._alive.unregister(target.listener)
            self._empty(target.listener)
            target.listener.listen(0)
        for _ in range(FILLERS):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(target.listener.getsockname())
            target.fillers.append(filler)

    def close(self) -> None:
        """End all."""
        self._over.set()
        self._thread.join()
        for target in self.targets:
            for sock in (target.listener, *target.fillers):
                sock.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            ready = self._alive.select(0.2)
            with self._turn:
                for key, _ in ready:
                    if isinstance(key.fileobj, socket.socket):
                        self._empty(key.fileobj)

    @staticmethod
    def _empty(listener: socket.socket) -> None:
        with suppress(OSError):  # it is empty, or it died meanwhile
            while True:
                listener.accept()[0].close()
