"""PostgreSQL: a database on a server, written to by one coordinator at a time."""

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psycopg

from pangea.core.database_url import passwords, without_password
from pangea.core.errors import ConfigError, StorageError

from .connection import bind
from .light_peewee import peewee
from .link import Link
from .postgres_link import PostgresDatabase, PostgresLink
from .postgres_refusal import is_away, told
from .postgres_session import Patience, Session, began, check, end, opened, own

log = logging.getLogger(__name__)


class PostgresEngine:
    """The database at *url*."""

    elsewhere = "give Pangea a database of its own, or another schema (search_path)"
    path: Path | None = None

    def __init__(self, url: str, patience: Patience | None = None) -> None:
        self._url = url
        self._patience = patience or Patience()
        self._secrets = passwords(url)
        self._before: tuple[int, str] | None = None
        self.place = without_password(url)

    def claim(self) -> None:
        """Do nothing: the session that writes claims it."""

    def release(self) -> None:
        """Do nothing: its end is the end of the claim."""

    def open_writer(self) -> Link:
        """Open the session that writes, as the only one.

        Raises ConfigError for what a person has to mend, StorageError if the server
        is away for longer than that is waited for.
        """
        until = time.monotonic() + self._patience.server
        while True:
            try:
                return self._bound(self._writing)
            except (psycopg.Error, peewee.PeeweeException) as error:
                refused = self.told(error, f"{self.place} cannot be opened")
                if not is_away(error):
                    raise ConfigError(str(refused), hint=refused.hint) from None
                if time.monotonic() > until:
                    raise refused from None
            log.warning("%s; waiting for it", refused)
            time.sleep(1.0)

    def open_reader(self) -> Link:
        """Open a session that reads."""
        return self._bound(lambda: opened(self._url, "reader", self._patience))

    def keep_copy(self, number: str) -> None:
        """Say that nothing is copied, and why."""
        log.info(
            "%s is brought from the schema before %s to this one: each step is one"
            " transaction, and one that fails leaves nothing behind",
            self.place,
            number,
        )

    def way_back(self, number: str) -> str:
        """Name what there is: a backup."""
        return (
            "run the newer Pangea again, or restore a backup made before schema"
            f" {number} into an empty database"
        )

    def told(self, error: BaseException, doing: str) -> StorageError:
        """Return what the server refused as the error to tell."""
        return told(error, doing, self._secrets)

    def _bound(self, open_session: Callable[[], Session]) -> Link:
        database = PostgresDatabase(open_session)
        link = PostgresLink(database)
        bind(database, link)
        return link

    def _writing(self) -> Session:
        with ExitStack() as stack:
            session = opened(self._url, "writer", self._patience)
            stack.callback(session.close)
            check(session, self.place)
            if self._before is not None:
                end(session, *self._before)
            own(session, self.place, self._patience)
            self._before = (session.info.backend_pid, began(session))
            stack.pop_all()
        return session
