"""The schema's version: checked and raised when the database opens."""

import contextlib
import logging
import os
import sqlite3
from pathlib import Path

from playhouse.migrations import Runner

from pangea import __version__
from pangea.core.errors import ConfigError

from .connection import connection, db

log = logging.getLogger(__name__)

SCRIPTS = Path(__file__).parent / "migrations"


def migrate(path: Path, scripts: Path = SCRIPTS) -> list[str]:
    """Bring the open database at *path* to this version; return what was applied.

    A database that holds something is copied to ``NAME.before-NNNN`` first.
    Raises ConfigError for a schema newer than this program, and for a file that
    belongs to another.
    """
    runner = Runner(db, directory=str(scripts))
    status = runner.status()
    known = [m.name for m in status if m.path is not None]
    applied = [m.name for m in status if m.applied]
    newer = [name for name in applied if name not in known]
    if newer:
        raise _too_new(path, newer[-1], known[-1] if known else "none")
    # A first start that was cut short leaves the runner's own table alone.
    if not applied and set(db.get_tables()) - {runner.table_name}:
        raise ConfigError(
            f"{path} is a database, but not one of Pangea",
            hint="move it away, or choose another directory with --state-dir",
        )
    pending = [name for name in known if name not in applied]
    if pending and applied:
        _back_up(path, pending[0])
    return list(runner.up())


def _too_new(path: Path, found: str, known: str) -> ConfigError:
    return ConfigError(
        f"{path} has schema {found}, but Pangea {__version__} knows only {known}",
        hint="run the newer Pangea again, or put back the copy"
        f" {path.name}.before-{found.partition('_')[0]}",
    )


def _back_up(path: Path, script: str) -> None:
    """Copy the database; a copy cut short never carries the final name."""
    copy = path.with_name(f"{path.name}.before-{script.partition('_')[0]}")
    draft = copy.with_name(copy.name + ".part")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_RDWR | os.O_CREAT, 0o600))
    with contextlib.closing(sqlite3.connect(draft)) as target:
        connection().backup(target)
    draft.replace(copy)
    log.info("copied the database to %s before migrating it", copy)
