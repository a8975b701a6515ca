"""A link to PostgreSQL: it comes back by itself after the server was away."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from pangea.core.errors import ConfigError, StorageError

from .light_peewee import peewee
from .link import Cursor, InDoubt, Key, Name
from .postgres_parts import Parts
from .postgres_session import Session
from .postgres_sql import marked
from .postgres_types import raised

#: An attempt to reach a server that is away is made so often at most.
ATTEMPT_S = 1.0
#: Statements that are sent before the first answer is looked at.
_AT_ONCE = 500
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITE = "BEGIN; SELECT pg_current_xact_id()::text"


class PostgresDatabase(peewee.PostgresqlDatabase):
    """What the models know of a link; *open_session* is called for each session."""

    def __init__(self, open_session: Callable[[], Session]) -> None:
        self._open_session = open_session
        super().__init__("postgres", autoconnect=False)

    def init(self, database: str | None, *_: Any, **more: Any) -> None:
        """Go without peewee's own ways of opening a session."""
        self._isolation_level = None
        self._adapter = None
        peewee.Database.init(self, database, **more)

    def _connect(self) -> Session:
        return self._open_session()

    def _set_server_version(self, conn: Session) -> None:
        self.server_version = conn.info.server_version

    def _execute_cursor(self, sql: str, params: Any, **options: Any) -> Any:
        try:
            base: Any = super()
            return base._execute_cursor(sql, params, **options)
        except peewee.DataError as error:
            raise ValueError(str(error)) from error

    def renew(self) -> Session:
        """Return a new session in place of one that broke."""
        self.dispose()
        self.connect()
        opened: Any = self
        session: Session = opened.connection()
        return session


class PostgresLink:
    """The session of a thread, and the next one when that breaks."""

    engine: Name = "postgres"

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._session = database.renew()
        self._types: dict[str, list[int]] = {}
        self._number = 0
        self._tried = 0.0
        self._parts = Parts(self.execute)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open and has not failed."""
        return self._session.info.transaction_status == TransactionStatus.INTRANS

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Cursor:
        """Run one statement."""
        try:
            found = self._session.execute(marked(sql), values, binary=True)
        except psycopg.Error as error:
            raise raised(error) from error
        if sql.startswith("ROLLBACK"):
            self._parts.undone()
        return found

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> None:
        """Run one statement for each row, without waiting for each answer."""
        cursor, waiting = self._session.cursor(), iter(rows)
        # Rows are made before they are sent: who makes them may ask something here.
        while some := list(islice(waiting, _AT_ONCE)):
            try:
                cursor.executemany(marked(sql), some)
            except psycopg.Error as error:
                raise raised(error) from error

    def find_each(self, sql: str, keys: Iterable[Sequence[Any]]) -> Iterator[Any]:
        """Ask for many at once, without waiting for each answer."""
        cursor = self._session.cursor(binary=True)
        waiting = iter(keys)
        while some := list(islice(waiting, _AT_ONCE)):
            try:
                cursor.executemany(marked(sql), some, returning=True)
                for _ in some:
                    yield cursor.fetchone()
                    cursor.nextset()
            except psycopg.Error as error:
                raise raised(error) from error

    def copy(self, table: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
        """Append rows by COPY."""
        sql = f"COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)"
        types = self._types_of(table, columns)
        try:
            with self._session.cursor() as cursor, cursor.copy(sql) as copy:
                copy.set_types(types)
                for row in rows:
                    copy.write_row(row)
        except psycopg.Error as error:
            raise raised(error) from error

    def make_parts(self, table: str, keys: Iterable[Key]) -> None:
        """Make the parts where rows with *keys* will lie."""
        self._parts.make(table, keys)

    def drop_parts(self, table: str, before: Key) -> int | None:
        """Drop parts that lie wholly before a key; none if somebody reads for long."""
        self.execute("SAVEPOINT parts")
        try:
            gone = self._parts.drop(table, before)
        except peewee.OperationalError:
            self.execute("ROLLBACK TO parts")
            gone = 0
        self.execute("RELEASE parts")
        return gone

    def snapshot(self) -> None:
        """Begin to read, at this moment."""
        self._start(_READ)

    def let_go(self) -> None:
        """End the snapshot; by COMMIT, because ROLLBACK forgets what is prepared."""
        try:
            self._session.execute("COMMIT")
        except psycopg.Error:
            self._session.close()

    def begin(self) -> None:
        """Begin to write."""
        begun = self._start(_WRITE)
        begun.nextset()
        self._number = int(begun.fetchone()[0])

    def commit(self) -> None:
        """Commit; that a broken link leaves unknown what became of it is InDoubt."""
        try:
            done = self._session.execute("COMMIT")
        except psycopg.Error as error:
            told = raised(error)
            told.__context__ = error
            if self._session.closed:
                raise InDoubt(self._number, told) from error
            raise told from error
        if done.statusmessage != "COMMIT":
            raise peewee.OperationalError("a statement of the transaction had failed")
        self._parts.committed()

    def rollback(self) -> None:
        """Undo; a session where that fails is not used again."""
        self._parts.undone()
        if self._session.info.transaction_status == TransactionStatus.IDLE:
            return
        try:
            self._session.execute("ROLLBACK")
        except psycopg.Error:
            self._session.close()

    def was_committed(self, doubt: InDoubt) -> bool:
        """Ask the server what became of a transaction."""
        if self._session.closed:
            self._renew()
        sql = "SELECT pg_xact_status(CAST(? AS text)::xid8)"
        try:
            status = self.execute(sql, (str(doubt.number),)).fetchone()[0]
        except ValueError:
            return False  # This server never heard of it.
        if status == "in progress":
            raise doubt.error
        return bool(status == "committed")

    def tidy(self) -> None:
        """Do nothing: the server does."""

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def _start(self, sql: str) -> Any:
        """Run what begins a transaction, on a new session if this one has broken."""
        if not self._session.closed:
            try:
                if self._session.info.transaction_status != TransactionStatus.IDLE:
                    self._session.execute("ROLLBACK")
                return self._session.execute(sql, prepare=False)
            except psycopg.Error as error:
                if not self._session.closed:
                    raise raised(error) from error
        self._renew()
        try:
            return self._session.execute(sql, prepare=False)
        except psycopg.Error as error:
            raise raised(error) from error

    def _renew(self) -> None:
        waits = self._tried + ATTEMPT_S - time.monotonic()
        if waits > 0:
            time.sleep(waits)
        self._tried = time.monotonic()
        self._parts.undone()
        self._session.close()
        try:
            self._session = self._database.renew()
        except ConfigError as error:
            raise StorageError(str(error), hint=error.hint) from error

    def _types_of(self, table: str, columns: str) -> list[int]:
        key = f"{table} {columns}"
        if key not in self._types:
            sql = f"SELECT {columns} FROM {table} LIMIT 0"
            found: Any = self.execute(sql)
            described = found.description or []
            self._types[key] = [column.type_code for column in described]
        return self._types[key]
