"""A whole database from SQLite to PostgreSQL and back: all of it, or nothing.

What arrived is read back and compared before it is committed, so whoever is cut short
leaves an empty database or a draft behind, never half of one.
"""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from pangea.core.errors import ConfigError, Conflict, StorageError

from .connection import REFUSALS, connect, unbind
from .copied_tables import Table, tables_of
from .copying import Compared, Copy, Tell
from .database import engine_of
from .dialect import bytes_taken
from .link import Engine, InDoubt, Link
from .schema import migrate
from .snapshot import inspect, newest
from .sqlite import SqliteEngine

#: A draft is whole when it gets its name, and nobody else reads it until then.
_DRAFT = {
    "auto_vacuum": 2,
    "journal_mode": "off",
    "synchronous": "off",
    "foreign_keys": 1,
    "cache_size": -32_000,
}
#: All but what each database says of its schema.
_TABLES = (
    "SELECT quote_ident(relname) FROM pg_class WHERE relkind IN ('r', 'p')"
    " AND relnamespace = current_schema()::regnamespace AND NOT relispartition"
    " AND relname <> 'schema_migration' ORDER BY 1"
)
_OF_COORDINATORS = re.compile(
    r"(^|; |(?<=\?)) ?(Results wait at the workers; )?it is tried again$"
)


def fill(source: Path, url: str, tell: Tell) -> list[Compared]:
    """Copy the SQLite database *source* into the empty database at *url*.

    Nobody may use either meanwhile. Raises Conflict if there is something in the
    target, ConfigError for a source of another schema or that is in use, and
    StorageError for what cannot be copied; then the target is as empty as before.
    """
    found = inspect(source).schema
    _same_schema(found, str(source))
    near, far = SqliteEngine(source), _server(url)
    near.claim()
    try:
        with _told(near, far), ExitStack() as ending:
            ending.callback(unbind)
            reader = ending.enter_context(_ended(near.open_reader()))
            writer = ending.enter_context(_ended(far.open_writer()))
            _refuse_full(writer, far.place)
            migrate(far)
            reader.snapshot()
            return _fill(reader, writer, tell)
    finally:
        near.release()


def take_out(
    url: str, target: Path, tell: Tell, *, alone: bool = False
) -> list[Compared]:
    """Copy the database at *url*, as it is now, to the new SQLite file *target*.

    A coordinator may go on with it, unless *alone*. Raises Conflict if *target* is
    there, ConfigError for a database of another schema, or if *alone* that is in
    use, and StorageError for what cannot be copied; then there is no *target*.
    """
    far, near = _server(url), SqliteEngine(target)
    made = _new_file(target)
    try:
        with _told(near, far), ExitStack() as ending:
            ending.callback(unbind)
            opened = far.open_writer() if alone else far.open_reader()
            reader = ending.enter_context(_ended(opened))
            writer = ending.enter_context(_ended(connect(target, _DRAFT)))
            migrate(near)
            tables = tables_of(writer)
            _begin_reading(reader, tables, far.place)
            writer.begin()
            compared = _checked(Copy(reader, writer, tables, tell).run())
            writer.commit()
        os.fsync(made)
    except BaseException:
        with suppress(OSError):
            target.unlink(missing_ok=True)
        raise
    finally:
        os.close(made)
    return compared


def into_file(url: str, target: Path, tell: Tell) -> list[Compared]:
    """Move the database at *url* that nobody uses to the new SQLite file *target*.

    Under its name there is never half of it. Raises what ``take_out`` raises.
    """
    refuse_existing(target)
    draft = target.with_name(f".{target.name}.part")
    try:
        draft.unlink(missing_ok=True)  # of a move that was killed
        compared = take_out(url, draft, tell, alone=True)
        refuse_existing(target)
        draft.rename(target)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise StorageError(f"{target} cannot be written: {why}") from error
    return compared


def refuse_existing(path: Path) -> None:
    """Raise Conflict if there is something at *path*."""
    if path.exists() or path.is_symlink():
        raise Conflict(
            f"{path} is there already", hint="name a file that is not there yet"
        )


def refuse_full(url: str) -> None:
    """Raise what ``fill`` would raise of its target, before it does anything."""
    far = _server(url)
    with _told(far, far), ExitStack() as ending:
        ending.callback(unbind)
        writer = ending.enter_context(_ended(far.open_writer()))
        _refuse_full(writer, far.place)


def size_of(url: str) -> int:
    """Return the bytes of the database at *url*, in the server."""
    far = _server(url)
    with _told(far, far), ExitStack() as ending:
        ending.callback(unbind)
        ending.enter_context(_ended(far.open_reader()))
        return bytes_taken()[0]


def renew(path: Path) -> None:
    """Bring the SQLite database *path* that nobody uses to the schema of this program.

    As a draft: who is cut short throws it away.
    """
    near = SqliteEngine(path)
    with _told(near, near), ExitStack() as ending:
        ending.callback(unbind)
        ending.enter_context(_ended(connect(path, _DRAFT)))
        migrate(near)
    for copy in path.parent.glob(f"{path.name}.before-*"):
        copy.unlink()


def _fill(reader: Link, writer: Link, tell: Tell) -> list[Compared]:
    tables = tables_of(reader)
    # As long as it takes, and then for planning queries.
    writer.execute("SET statement_timeout = 0")
    writer.begin()
    try:
        compared = _checked(Copy(reader, writer, tables, tell).run())
        _commit(writer)
    except BaseException:
        writer.rollback()
        raise
    for table in tables:
        writer.execute(f"ANALYZE {table.name}")
    return compared


def _begin_reading(reader: Link, tables: list[Table], place: str) -> None:
    """Begin a snapshot of which no part is dropped while it is read."""
    there = "SELECT to_regclass('schema_migration')::text"
    if reader.execute(there).fetchone()[0] is None:
        raise ConfigError(f"{place} is a database, but not one of Pangea")
    sql = "SELECT max(name) FROM schema_migration"
    _same_schema(str(reader.execute(sql).fetchone()[0]), place)
    for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
        reader.execute(f"SET {name} = 0")
    reader.snapshot()
    names = ", ".join(table.name for table in tables)
    reader.execute(f"LOCK TABLE {names} IN ACCESS SHARE MODE")


def _refuse_full(writer: Link, place: str) -> None:
    found = [
        name
        for (name,) in writer.execute(_TABLES).fetchall()
        if writer.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone()
    ]
    if found:
        some = ", ".join(found[:4]) + (", …" if len(found) > 4 else "")
        raise Conflict(
            f"{place} is not empty: there is something in {some}",
            hint="name one that no coordinator was started on yet: createdb NAME",
        )


def _same_schema(found: str, place: str) -> None:
    if found != newest():
        raise ConfigError(
            f"{place} has schema {found}, and this Pangea {newest()}",
            hint="start this Pangea on it once and stop it, which brings it there",
        )


def _checked(compared: list[Compared]) -> list[Compared]:
    """Return what was compared; StorageError if something arrived otherwise."""
    wrong = [each for each in compared if not each.same]
    if wrong:
        told = ", ".join(f"{w.table} {w.rows:,} → {w.arrived:,}" for w in wrong[:5])
        raise StorageError(
            f"what arrived is not what was sent: {told}",
            hint="nothing was kept of it; look at the disks of both, and try again",
        )
    return compared


def _commit(writer: Link) -> None:
    try:
        writer.commit()
    except InDoubt as doubt:
        if not writer.was_committed(doubt):
            raise doubt.error from doubt


def _server(url: str) -> Engine:
    """Return the database at *url*; one that is away is not waited for."""
    engine_of(url)  # says how to get the driver
    from .postgres import PostgresEngine
    from .postgres_session import Patience

    return PostgresEngine(url, Patience(server=0.0))


@contextmanager
def _ended(link: Link) -> Iterator[Link]:
    try:
        yield link
    finally:
        link.close()


@contextmanager
def _told(near: Engine, far: Engine) -> Iterator[None]:
    """Tell what a driver raised in the words of its engine."""
    try:
        yield
    except REFUSALS as error:
        first = error.__cause__ or error.__context__ or error
        is_file = isinstance(error, sqlite3.Error) or isinstance(first, sqlite3.Error)
        engine = near if is_file else far
        raise _once(engine.told(error, f"{engine.place} refused")) from error
    except StorageError as error:
        raise _once(error) from error


def _once(error: StorageError) -> StorageError:
    """Return *error* without what a coordinator would do: nobody tries this again."""
    return StorageError(str(error), hint=_OF_COORDINATORS.sub("", error.hint))


def _new_file(path: Path) -> int:
    refuse_existing(path)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise StorageError(f"{path} cannot be written: {why}") from error
