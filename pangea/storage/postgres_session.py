"""A session with a PostgreSQL server, and who of several coordinators may write."""

import time
from contextlib import ExitStack
from typing import Any, NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict

from pangea.core.errors import ConfigError
from pangea.core.text import safe_text

from .postgres_types import adapt

Session = psycopg.Connection[Any]

#: Version 13 brought what tells whether a commit that broke is stored.
OLDEST = 130_000
#: "PANG": the first half of the advisory lock that says who writes.
LOCK = 0x50414E47
#: The second half: there may be several schemas in a database.
_SCHEMA = (
    "(SELECT (oid::bigint % 2147483647)::int FROM pg_namespace"
    " WHERE nspname = current_schema())"
)
_HOLDER = (
    "SELECT pid, application_name, coalesce(host(client_addr), 'this machine'),"
    " to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')"
    " FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE locktype = 'advisory' AND granted AND database ="
    " (SELECT oid FROM pg_database WHERE datname = current_database())"
    f" AND classid::bigint = {LOCK} AND objid::bigint = {_SCHEMA}"
)


class Patience(NamedTuple):
    """How long is waited, in seconds, for what.

    ``server``: one that is away when Pangea starts; ``connect``: its answer;
    ``statement``: the end of one; ``lock``: that of another session; ``owner``:
    a coordinator that has just ended to let go of the database.
    """

    server: float = 20.0
    connect: float = 5.0
    statement: float = 60.0
    lock: float = 5.0
    owner: float = 5.0


def defaults(url: str, role: str, patience: Patience) -> dict[str, Any]:
    """Return what the driver is told besides *url*, unless that says it.

    Raises ConfigError for a URL that the driver does not understand.
    """
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error as error:
        # Behind the colon the driver repeats a piece of it, perhaps the password.
        said = str(error).strip().partition(': "')[0]
        raise ConfigError(
            f"the URL of the database is not understood: {safe_text(said, 200)}",
            hint="wanted postgresql://USER@HOST:PORT/NAME; in a user or password"
            " write % as %25",
        ) from None
    wanted = {
        "application_name": f"pangea {role}",
        "connect_timeout": max(2, round(patience.connect)),
        # A server that is gone without a word is noticed.
        "keepalives_idle": 15,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
        "client_encoding": "utf8",
    }
    return {key: value for key, value in wanted.items() if key not in given}


def opened(url: str, role: str, patience: Patience) -> Session:
    """Return a new session; raises psycopg's errors, and ConfigError."""
    with ExitStack() as stack:
        told = defaults(url, role, patience)
        session = psycopg.connect(url, autocommit=True, **told)
        stack.callback(session.close)
        adapt(session)
        settings = {
            "statement_timeout": f"{patience.statement * 1000:.0f}",
            "lock_timeout": f"{patience.lock * 1000:.0f}",
            "synchronous_commit": "on",
            "jit": "off",
            "TimeZone": "UTC",
            # The server notices a client that is gone without a word, and its lock.
            "tcp_keepalives_idle": "15",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
        }
        for name, value in settings.items():
            session.execute("SELECT set_config(%s, %s, false)", (name, value))
        stack.pop_all()
    return session


def check(session: Session, place: str) -> None:
    """Raise ConfigError, with the way out, for a server that will not do."""
    if session.info.server_version < OLDEST:
        raise ConfigError(
            f"{place} is PostgreSQL {session.info.server_version // 10_000}",
            hint=f"Pangea needs version {OLDEST // 10_000} or newer",
        )
    row = session.execute(
        "SELECT current_setting('server_encoding'), current_schema(),"
        " pg_is_in_recovery()"
    ).fetchone()
    encoding, schema, is_standby = row or ("", None, False)
    if encoding != "UTF8":
        raise ConfigError(
            f"{place} is encoded in {encoding}",
            hint="make one that holds any text: createdb --encoding UTF8 NAME",
        )
    if schema is None:
        raise ConfigError(
            f"in {place} the search path names no schema that is there",
            hint="CREATE SCHEMA …, or ALTER ROLE … SET search_path = …",
        )
    if is_standby:
        raise ConfigError(
            f"{place} is a standby, which cannot be written to",
            hint="name the primary, or all with ?target_session_attrs=read-write",
        )


def own(session: Session, place: str, patience: Patience) -> None:
    """Take the database for this coordinator, as long as the session lasts.

    Raises ConfigError that says who has it.
    """
    until = time.monotonic() + patience.owner
    while not _took(session):
        if time.monotonic() >= until:
            raise ConfigError(
                f"{place} is in use by another coordinator: {_holder(session)}",
                hint="stop that one, or give this one a database of its own: several"
                " coordinators on one database are not possible yet",
            )
        time.sleep(0.1)


def end(session: Session, pid: int, began: str) -> None:
    """End an earlier session of our own that the server still believes in."""
    session.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid = %s AND backend_start::text = %s",
        (pid, began),
    )


def began(session: Session) -> str:
    """Return when the session began, to tell it from a later one of its number."""
    row = session.execute(
        "SELECT backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()"
    ).fetchone()
    return row[0] if row else ""


def _took(session: Session) -> bool:
    sql = f"SELECT pg_try_advisory_lock({LOCK}, {_SCHEMA})"
    row = session.execute(sql).fetchone()
    return bool(row and row[0])


def _holder(session: Session) -> str:
    row = session.execute(_HOLDER).fetchone()
    if row is None:
        return "one that is just ending"
    pid, name, host, since = row
    return f"{name or 'a program'} at {host}, since {since} UTC (process {pid} there)"
