"""Asks the system's resolver on a few threads of its own, with a bounded queue.

The event loop's own threads are not enough: uvloop looks up two names at a time,
and a dead name server holds each of them for half a minute.
"""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import Future
from threading import Condition, Thread
from typing import Any

from pangea.core.failure import ProbeError

THREADS = 16
WAITING = 512
#: seconds that a lookup waits for a thread
PATIENCE = 2.0

Found = list[tuple[Any, ...]]
Key = tuple[str, int]
Ask = Callable[[str, int], Found]


def _getaddrinfo(host: str, family: int) -> Found:
    return socket.getaddrinfo(host, 0, family, socket.SOCK_STREAM)


class SystemNames:
    """Looks names up; the threads are begun as they are needed and do not end.

    They keep no process alive: nobody can interrupt the system's resolver.
    """

    def __init__(
        self,
        ask: Ask = _getaddrinfo,
        *,
        threads: int = THREADS,
        waiting: int = WAITING,
        patience: float = PATIENCE,
    ) -> None:
        self._ask, self._patience = ask, patience
        self._most_threads, self._most_waiting = threads, waiting
        self._work = Condition()
        self._waiting: dict[Future[Found], Key] = {}
        self._threads = self._idle = 0
        #: lookups that nobody waits for any more, but that still hold a thread
        self._left: dict[Key, Future[Found]] = {}

    async def look_up(self, host: str, family: int) -> Found:
        """Return what getaddrinfo says of *host*.

        Who asks again for a name whose last lookup has not come back yet waits
        for that one, so that a dead name holds one thread and not one a run.
        Raises socket.gaierror, ProbeError ``overload`` if no thread is free.
        """
        key = (host, family)
        left = self._left.pop(key, None)
        asked = left if left and not left.done() else self._hand_out(key)
        timer = asyncio.get_running_loop().call_later(
            self._patience, self._give_up, asked
        )
        try:
            return await asyncio.wrap_future(asked)
        except asyncio.CancelledError:
            self._take_back(asked)
            if not asked.cancel():
                self._leave(key, asked)
            raise
        finally:
            timer.cancel()

    def _hand_out(self, key: Key) -> Future[Found]:
        asked: Future[Found] = Future()
        with self._work:
            if len(self._waiting) >= self._most_waiting:
                raise _overload(key, f"{len(self._waiting)} others wait")
            if self._idle <= len(self._waiting) and self._threads < self._most_threads:
                self._begin_thread(key)
            self._waiting[asked] = key
            self._work.notify()
        return asked

    def _begin_thread(self, key: Key) -> None:
        try:
            Thread(target=self._serve, name="names", daemon=True).start()
            self._threads += 1
        except RuntimeError as error:
            if not self._threads:
                detail = f"resolving {key[0]}: no thread could be begun"
                raise ProbeError("no_resources", detail) from error

    def _serve(self) -> None:
        while True:
            asked, key = self._next()
            if not asked.set_running_or_notify_cancel():
                continue
            try:
                asked.set_result(self._ask(*key))
            except (OSError, UnicodeError) as error:
                asked.set_exception(error)

    def _next(self) -> tuple[Future[Found], Key]:
        with self._work:
            self._idle += 1
            self._work.wait_for(lambda: self._waiting)
            self._idle -= 1
            asked = next(iter(self._waiting))
            return asked, self._waiting.pop(asked)

    def _give_up(self, asked: Future[Found]) -> None:
        """Take back what no thread has begun: it is our fault, not the name's."""
        key = self._take_back(asked)
        if key and asked.set_running_or_notify_cancel():
            asked.set_exception(_overload(key, "no thread was free"))

    def _take_back(self, asked: Future[Found]) -> Key | None:
        with self._work:
            return self._waiting.pop(asked, None)

    def _leave(self, key: Key, asked: Future[Found]) -> None:
        self._left = {k: other for k, other in self._left.items() if not other.done()}
        self._left[key] = asked


def _overload(key: Key, why: str) -> ProbeError:
    return ProbeError("overload", f"resolving {key[0]}: {why}")
