"""The one thread that writes: many callers, one commit.

It takes all that waits, runs each function in a savepoint of one transaction (one
that is alone needs none), commits once, and only then answers. So a thousand callers
share one fsync, and one caller's failure undoes nothing of the others.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Literal, NamedTuple

from pangea.core.errors import StorageError

from .connection import REFUSALS, connection
from .link import Engine, InDoubt, Link
from .schema import migrate

log = logging.getLogger(__name__)

#: Functions in one commit at most.
GROUP = 256
#: So often is asked whether a commit that broke is stored.
ASK_S = 1.0

_committing = threading.local()


def after_commit(fn: Callable[[], None]) -> None:
    """Call *fn* in the writer thread once what is being written is durable.

    It is never called if the transaction or the caller's part of it fails. It must
    not raise: memory would not follow the database, so nothing is written any more.
    """
    _committing.after.append(fn)


def attempt(
    fns: Sequence[Callable[[], None]], odd: tuple[type[Exception], ...]
) -> list[Exception]:
    """Run *fns*; undo those alone that raise what is *odd*, and return the errors.

    Anything else ends the transaction, as ever. All are run in one savepoint, and once
    more one by one if that fails: each costs a copy of all pages that are written.
    """
    failed = _try_all(fns, odd) if fns else None
    if failed is None or len(fns) == 1:
        return [failed] if failed else []
    return [error for fn in fns if (error := _try_all([fn], odd))]


def _try_all(
    fns: Sequence[Callable[[], None]], odd: tuple[type[Exception], ...]
) -> Exception | None:
    link, noted, failed = connection(), len(_committing.after), None
    link.execute("SAVEPOINT attempt")
    try:
        for fn in fns:
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
        link, noted, kept = connection(), len(after), Keep()
        with Keep() as undone:
            link.execute("SAVEPOINT turn")
            with kept:
                self.value = self.fn()
            if kept.error is not None:
                link.execute("ROLLBACK TO turn")
            link.execute("RELEASE turn")
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
        else:
            self.future.set_exception(self.error)


class Writer:
    """The thread, its queue and its link.

    A commit whose end is not known, because the link broke, is asked for until it is;
    its callers wait for that, and all others are refused.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[Turn | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._unsure: Unsure | None = None

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
        link: Link | None = None
        with Keep() as kept:
            link = self._engine.open_writer()
            migrate(self._engine)
        self._failure = kept.error
        self._ready.set()
        if link is not None:
            if kept.error is None:
                self._serve(link)
            with Keep():
                link.close()

    def _serve(self, link: Link) -> None:
        while (turns := self._next()) is not None:
            if self._unsure is not None:
                self._ask(link, self._unsure)
            if self._failure is not None:
                self._refuse(turns, _no_more(self._failure))
            elif self._unsure is not None:
                self._refuse(turns, self._unsure.doubt.error)
            elif turns:
                self._commit(link, turns)
        if self._unsure is not None:
            self._ask(link, self._unsure, at_last=True)
        with Keep():
            link.tidy()

    def _next(self) -> list[Turn] | None:
        """Return what waits, in order; None when it is time to stop.

        Nothing, after a while, if there is something to ask.
        """
        turns: list[Turn] = []
        patience = None if self._unsure is None else ASK_S
        while len(turns) < GROUP:
            try:
                turn = self._queue.get(block=not turns, timeout=patience)
            except queue.Empty:
                break
            if turn is None:
                if not turns:
                    return None
                self._queue.put(None)
                break
            turns.append(turn)
        return turns

    def _commit(self, link: Link, turns: list[Turn]) -> None:
        after: list[Callable[[], None]] = []
        _committing.after = after
        kept = Keep()
        with kept:
            link.begin()
            _run_all(link, turns, after)
            link.commit()
        if isinstance(kept.error, InDoubt):
            log.error("a commit may be stored or not: %s", kept.error)
            self._unsure = Unsure(kept.error, turns, after)
            return
        if kept.error is None:
            self._follow(after)
        else:
            with Keep():
                link.rollback()
        for turn in turns:
            turn.error = turn.error or kept.error
        self._answer(turns)

    def _ask(self, link: Link, unsure: "Unsure", at_last: bool = False) -> None:
        """Ask whether the commit that broke is stored, and answer who waits for it."""
        stored = False
        with Keep() as kept:
            stored = link.was_committed(unsure.doubt)
        if kept.error is not None and not at_last:
            unsure.doubt.error = kept.error
            return
        self._unsure = None
        if stored:
            self._follow(unsure.after)
        for turn in unsure.turns:
            turn.error = turn.error or (None if stored else unsure.doubt.error)
        self._answer(unsure.turns)

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
            turn.error = failure
        self._answer(turns)

    def _answer(self, turns: list[Turn]) -> None:
        for turn in turns:
            if isinstance(turn.error, REFUSALS):
                turn.error = self._engine.told(turn.error, "the database refused")
            with Keep():  # its loop may have ended meanwhile
                turn.loop.call_soon_threadsafe(turn.settle)


class Unsure(NamedTuple):
    """A commit whose end is not known yet, and who waits for it."""

    doubt: InDoubt
    turns: list[Turn]
    after: list[Callable[[], None]]


def _run_all(link: Link, turns: list[Turn], after: list[Callable[[], None]]) -> None:
    """Run each; raise what one of them made of the whole transaction.

    One that is alone needs no savepoint: what it raises undoes all there is.
    """
    if len(turns) == 1:
        turns[0].value = turns[0].fn()
        return
    for turn in turns:
        turn.run(after)
        if not link.in_transaction:
            # A full disk makes SQLite undo all of it by itself.
            raise turn.error or StorageError("the transaction is gone")


def _no_more(failure: BaseException) -> StorageError:
    return StorageError(
        f"the database is stored to no more: after a commit came {failure!r}",
        hint="start Pangea again; what was acknowledged is safe",
    )
