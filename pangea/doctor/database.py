"""Is the database of this coordinator in order?"""

from collections.abc import Iterator
from pathlib import Path

from pangea.core.database_url import is_postgres
from pangea.core.errors import ConfigError
from pangea.moved import refuse_moved
from pangea.storage.integrity import check_file

from .patient import Patient
from .row import Row, fail, ok, skipped, warn

#: A person waits for the answer.
WITHIN_S = 20.0
MOST = 5


def database(patient: Patient) -> Iterator[Row]:
    """Look through the pages of the file, and into what was stored last."""
    if patient.is_worker:
        return
    place = str(patient.config.database)
    if is_postgres(place):
        yield skipped("database", "PostgreSQL looks after its own files")
        return
    path = Path(place)
    if not path.is_file():
        yield skipped("database", f"{path} is not there yet")
        return
    try:
        refuse_moved(patient.state_dir, path)
    except ConfigError as error:
        yield fail("database", str(error), error.hint)
        return
    found = check_file(path, WITHIN_S)
    size = f"{path.stat().st_size / 1e6:,.0f} MB"
    for line in found.wrong[:MOST]:
        yield fail(
            "database", line, "restore the last backup: docs/backup.md; keep the file"
        )
    if not found.wrong and found.whole:
        yield ok("database", f"{path}, {size}, is in order")
    elif not found.whole:
        yield warn(
            "database",
            f"{path}, {size}: nothing wrong in what {WITHIN_S:g} s were enough for"
            if not found.wrong
            else f"{path}, {size}: not all was looked at",
            f"with Pangea stopped: sqlite3 {path} 'PRAGMA quick_check'",
        )
