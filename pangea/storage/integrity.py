"""Whether the database is in order: what is wrong with it, in sentences."""

from pangea.core.chunk import decode
from pangea.core.errors import StorageError

from .chunks import Place
from .connection import REFUSALS, connection

MOST = 20


def check(chunks: int = 1_000) -> list[str]:
    """Return what is wrong; nothing, if all is well. Runs in a reader.

    SQLite looks through all pages; of the *chunks* that were sealed last each is
    opened, because SQLite knows nothing of what is in them.
    """
    try:
        rows = connection().execute(f"PRAGMA quick_check({MOST})").fetchall()
        wrong = [f"the database is damaged: {row[0]}" for row in rows if row[0] != "ok"]
        return (wrong + _broken_chunks(chunks))[:MOST]
    except REFUSALS as error:
        return [f"the database cannot be read: {error}"]


def _broken_chunks(most: int) -> list[str]:
    rows = connection().execute(
        "SELECT span, start, job, worker, count, packed FROM chunk"
        " ORDER BY id DESC LIMIT ?",
        (most,),
    )
    wrong = []
    for *key, count, packed in rows:
        try:
            found = len(decode(packed))
        except StorageError as error:
            wrong.append(f"the results of {Place(*key)} are lost: {error}")
        else:
            if found != count:
                wrong.append(f"{Place(*key)} holds {found} results instead of {count}")
    return wrong
