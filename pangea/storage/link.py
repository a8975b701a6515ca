"""What all databases have in common: links that speak SQL, and engines that make them.

SQL is the same for all of them: ``?`` stands for a value, and only what has no common
form (``dialect``) asks which engine it is.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from pangea.core.errors import StorageError

Name = Literal["sqlite", "postgres"]
#: What says in which part of a table a row lies: its id or start, or step and start.
Key = tuple[int, ...]


class Cursor(Protocol):
    """The answer to a statement."""

    @property
    def rowcount(self) -> int:
        """How many rows were written."""
        ...

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class InDoubt(Exception):
    """The link broke while it committed: nobody knows yet whether that is stored.

    ``number`` is the transaction's, to ask for later; ``error`` what broke it.
    """

    def __init__(self, number: int, error: BaseException) -> None:
        super().__init__(str(error))
        self.number = number
        self.error = error


class Link(Protocol):
    """The connection of one thread."""

    engine: Name

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, and can still be committed."""
        ...

    def execute(self, sql: str, values: Sequence[Any] = ..., /) -> Cursor:
        """Run one statement.

        A value that no column could hold is a ValueError or an OverflowError.
        """
        ...

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> Any:
        """Run one statement for each of *rows*."""
        ...

    def find_each(self, sql: str, keys: Iterable[Sequence[Any]]) -> Iterator[Any]:
        """Yield for each of *keys* the first row that *sql* finds, or None."""
        ...

    def copy(self, table: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
        """Append rows in bulk; *columns* are divided by commas."""
        ...

    def make_parts(self, table: str, keys: Iterable[Key]) -> None:
        """Make the parts of *table* that rows with *keys* will lie in, if it has any.

        Call it before they are inserted.
        """
        ...

    def drop_parts(self, table: str, before: Key) -> int | None:
        """Drop the parts of *table* that lie wholly before a key; return how many.

        None where tables have no parts: then rows are to be deleted. Of a key of
        several numbers all but the last must be the part's.
        """
        ...

    def snapshot(self) -> None:
        """Begin to read what is there now; nothing can be written."""
        ...

    def let_go(self) -> None:
        """End the snapshot."""
        ...

    def begin(self) -> None:
        """Begin to write."""
        ...

    def commit(self) -> None:
        """Make it durable. Raises InDoubt if it cannot be known whether it is."""
        ...

    def rollback(self) -> None:
        """Undo all since ``begin``; harmless if that is undone already."""
        ...

    def was_committed(self, doubt: InDoubt) -> bool:
        """Return whether that was stored; raises again what cannot be known yet."""
        ...

    def tidy(self) -> None:
        """Do what is to be done after the last write."""
        ...

    def close(self) -> None:
        """End the connection; from any thread."""
        ...


class Engine(Protocol):
    """A database, and how threads get links to it.

    ``place`` names it to people, without any password; ``path`` is its file, if it
    is one; ``elsewhere`` says how to choose another.
    """

    place: str
    path: Path | None
    elsewhere: str

    def claim(self) -> None:
        """Take it for this process, as far as can be before there is a link.

        Raises ConfigError.
        """
        ...

    def release(self) -> None:
        """Give it up."""
        ...

    def open_writer(self) -> Link:
        """Bind the thread that writes. Raises ConfigError if another process does."""
        ...

    def open_reader(self) -> Link:
        """Bind a thread that reads."""
        ...

    def keep_copy(self, number: str) -> None:
        """Keep what a person goes back to, before the script of that number runs."""
        ...

    def way_back(self, number: str) -> str:
        """Return what to do where a newer Pangea ran the script of that number."""
        ...

    def told(self, error: BaseException, doing: str) -> StorageError:
        """Return what a driver raised as the error to tell."""
        ...
