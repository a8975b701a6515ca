"""The one thread that writes: many callers, one commit.

It takes all that waits, runs each function in a savepoint of one transaction,
commits once, and only then answers. So a thousand callers share one fsync, and
one caller's failure undoes nothing of the others.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from pangea.core.errors import StorageError

from .connection import REFUSALS, WRITER, connect, connection, db, refusal
from .schema import migrate

log = logging.getLogger(__name__)

#: Functions in one commit at most.
GROUP = 256

_committing = threading.local()


def after_commit(fn: Callable[[], None]) -> None:
    """Call *fn* in the writer thread once what is being written is durable.

    It is never called if the transaction or the caller's part of it fails. It must
    not raise: memory would not follow the database, so nothing is written any more.
    """
    _committing.after.append(fn)


def attempt(
    fn: Callable[[], None], odd: tuple[type[Exception], ...]
) -> Exception | None:
    """Run *fn* in a savepoint; undo it and return what it raised, if that is *odd*.

    Anything else ends the transaction, as ever.
    """
    link, noted, failed = connection(), len(_committing.after), None
    link.execute("SAVEPOINT attempt")
    try:
        fn()
    except odd as error:
        link.execute("ROLLBACK TO attempt")
        del _committing.after[noted:]
        failed = error
    link.execute("RELEASE attempt")
    return failed


class Keep:
    """Keeps what a block raised, for the caller who waits in another thread."""

    error: BaseException | None = None

    def __enter__(self) -> "Keep":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Literal[True]:
        self.error = error
        return True


class Turn:
    """One function that waits to be run, and who waits for it."""

    def __init__(self, fn: Callable[[], Any]) -> None:
        self.fn = fn
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.value: Any = None
        self.error: BaseException | None = None

    def run(self, after: list[Callable[[], None]]) -> None:
        """Run it in a savepoint; what it raises undoes its own work alone."""
        noted, kept = len(after), Keep()
        with Keep() as undone, db.savepoint():
            with kept:
                self.value = self.fn()
            if kept.error is not None:
                raise kept.error
        # The first error: undoing fails as well when the transaction is gone.
        self.error = kept.error or undone.error
        if self.error is not None:
            del after[noted:]

    def settle(self) -> None:
        """Answer who waits, in the loop of who waits."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.value)
        elif isinstance(self.error, REFUSALS):
            self.future.set_exception(refusal(self.error))
        else:
            self.future.set_exception(self.error)


class Writer:
    """The thread, its queue and its connection."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queue: queue.SimpleQueue[Turn | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._ready = threading.Event()
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Connect and migrate; blocks, and raises what went wrong."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    def put(self, turn: Turn) -> None:
        """Queue a function; from any thread."""
        self._queue.put(turn)

    def stop(self) -> None:
        """Finish the queue, checkpoint, disconnect; blocks."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        with Keep() as kept:
            connect(self._path, WRITER)
            migrate(self._path)
        self._failure = kept.error
        self._ready.set()
        if kept.error is None:
            while turns := self._next():
                if self._failure is None:
                    self._commit(turns)
                else:
                    self._refuse(turns, self._failure)
            with Keep():
                db.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()

    def _next(self) -> list[Turn]:
        """Return what waits, in order; nothing when it is time to stop."""
        turns: list[Turn] = []
        while len(turns) < GROUP:
            try:
                turn = self._queue.get(block=not turns)
            except queue.Empty:
                break
            if turn is None:
                if turns:
                    self._queue.put(None)
                break
            turns.append(turn)
        return turns

    def _commit(self, turns: list[Turn]) -> None:
        after: list[Callable[[], None]] = []
        _committing.after = after
        lost: BaseException | None = None
        with Keep() as kept, db.transaction("IMMEDIATE"):
            for turn in turns:
                turn.run(after)
                if not connection().in_transaction:
                    # A full disk makes SQLite undo all of it by itself.
                    lost = turn.error
                    break
        for turn in turns:
            turn.error = lost or kept.error or turn.error
        if kept.error is None:
            self._follow(after)
        self._answer(turns)

    def _follow(self, after: list[Callable[[], None]]) -> None:
        """Let memory follow what was committed; if it cannot, that was the last."""
        with Keep() as kept:
            for fn in after:
                fn()
        if kept.error is not None:
            self._failure = kept.error
            log.critical(
                "nothing is stored any more: after a commit came %r",
                kept.error,
                exc_info=kept.error,
            )

    def _refuse(self, turns: list[Turn], failure: BaseException) -> None:
        for turn in turns:
            turn.error = StorageError(
                f"the database is stored to no more: after a commit came {failure!r}",
                hint="start Pangea again; what was acknowledged is safe",
            )
        self._answer(turns)

    @staticmethod
    def _answer(turns: list[Turn]) -> None:
        for turn in turns:
            with Keep():  # its loop may have ended meanwhile
                turn.loop.call_soon_threadsafe(turn.settle)
