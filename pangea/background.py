"""The long tasks of a node: when one ends, or a signal comes, all end."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

from pangea.core.errors import PangeaError

from .systemd import Systemd

log = logging.getLogger(__name__)

#: Set by a parent whose end shall be ours: it holds our standard input open.
SUPERVISED = "PANGEA_SUPERVISED"


def supervised() -> bool:
    """Tell whether this process is the child of a node, and ends with it."""
    return bool(os.environ.get(SUPERVISED))


class Background:
    """Supervises tasks; they are cancelled in the order of *stack*.

    *manager* is the service manager, if somebody spoke with it before.
    """

    def __init__(self, stack: AsyncExitStack, manager: Systemd | None = None) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._raised: BaseException | None = None
        self._ended = asyncio.Event()
        self._stack = stack
        self._systemd = manager or Systemd.claim(os.environ)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._signal)
        if supervised():
            self._watch_parent()

    def start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run *work* until the node stops; if it fails, the node stops."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(lambda _: self._ended.set())
        self._tasks.append(task)
        self._stack.push_async_callback(self._cancel, task)

    def serve(self, status: str, ticks: Callable[[], int]) -> None:
        """Tell the service manager that we are ready, and on as long as *ticks* grows.

        *status* is a line for people.
        """
        self._systemd.ready(status)
        self.start(self._systemd.feed(ticks), "watchdog")

    async def until_signal(self) -> None:
        """Return at the first signal; raise what ended a task before."""
        await self._ended.wait()
        self._systemd.stopping()
        for task in self._tasks:
            error = task.exception() if task.done() else None
            if error:
                self._raised = error
                raise plain(error)

    async def _cancel(self, task: asyncio.Task[None]) -> None:
        """End *task*; what it failed of is told in a line, unless it was raised."""
        task.cancel()
        await asyncio.wait([task])
        error = None if task.cancelled() else task.exception()
        if error and error is not self._raised:
            told = plain(error)
            traced = None if isinstance(told, PangeaError) else told
            log.warning("%s failed: %s", task.get_name(), told, exc_info=traced)

    def _signal(self) -> None:
        if self._ended.is_set():
            log.warning("second signal: leaving at once")
            os._exit(130)
        log.info("stopping")
        self._ended.set()

    def _watch_parent(self) -> None:
        """Stop when standard input ends: whoever started us is gone."""
        loop, source = asyncio.get_running_loop(), sys.stdin.fileno()

        def gone() -> None:
            if not os.read(source, 1024):
                loop.remove_reader(source)
                log.warning("the coordinator that started this worker is gone")
                self._ended.set()

        loop.add_reader(source, gone)


def plain(error: BaseException) -> BaseException:
    """Return the first plain exception in a group of them."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
