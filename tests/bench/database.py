"""Where a bench keeps its database: a file, or a server of its own (``--postgres``)."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: As a server comes, with more memory: here what is written stays written.
DURABLE = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "256MB"}
_TICKS_S = os.sysconf("SC_CLK_TCK")


class Database:
    """A database to measure: ``place`` opens it."""

    def __init__(self, place: Path | str, server: Any = None, name: str = "") -> None:
        self.place, self._server, self._name = place, server, name

    def bytes(self) -> int:
        """Return how large it is."""
        if isinstance(self.place, Path):
            return self.place.stat().st_size
        (found,) = self._asked("SELECT pg_database_size(current_database())")
        return int(found)

    def written(self) -> int:
        """Return the bytes written so far: by this process, or to the server's WAL."""
        if self._server is not None:
            (found,) = self._asked("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")
            return int(found)
        return written()

    def cpu_s(self) -> float:
        """Return the seconds of processor that the server has taken; 0 for a file."""
        if self._server is None:
            return 0.0
        parent = self._server.process.pid
        taken = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(stat.parent.name) == parent:
                taken += sum(map(int, fields[11:15]))
            elif int(fields[1]) == parent:
                taken += sum(map(int, fields[11:13]))
        return taken / _TICKS_S

    def _asked(self, sql: str) -> tuple[Any, ...]:
        found: tuple[Any, ...] = self._server.sql(sql, name=self._name)[0]
        return found


def written() -> int:
    """Return the bytes that this process has caused to be written to disk."""
    try:
        lines = Path("/proc/self/io").read_text().splitlines()
    except OSError:
        return 0
    return next(int(x.split()[1]) for x in lines if x.startswith("write_bytes"))


def asked_for(parser: argparse.ArgumentParser) -> None:
    """Let a bench be asked to measure on PostgreSQL."""
    parser.add_argument("--postgres", action="store_true", help="on a server")


@contextmanager
def database(folder: Path, postgres: bool) -> Iterator[Database]:
    """Give a fresh database, gone afterwards."""
    if not postgres:
        yield Database(folder / "pangea.db")
        return
    from tests.postgres import Server

    server = Server(**DURABLE)
    try:
        name = server.fresh()
        yield Database(server.url(name), server, name)
    finally:
        server.close()
