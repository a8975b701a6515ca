"""What PostgreSQL refused, in words: what happened, and what to do."""

import re

import psycopg

from pangea.core.errors import StorageError
from pangea.core.text import safe_text

#: The beginning of an SQLSTATE, the longer ones first, and what to do.
_BY_STATE = {
    "25006": "the server is a standby or set to read only: make it writable, or name"
    " the primary; nothing is lost meanwhile",
    "28P01": "check the password: in the URL, or in the file that passfile= names",
    "28": "check user and password, and pg_hba.conf on the server",
    "3D000": "make it first: createdb --encoding UTF8 --owner USER NAME",
    "40": "it is tried again",
    "42501": "let the user own the database: ALTER DATABASE … OWNER TO …",
    "53100": "make room on the server's disk; what was acknowledged is safe",
    "53200": "the server lacks memory; if for locks, raise its"
    " max_locks_per_transaction; it is tried again",
    "53300": "raise max_connections of the server, or end other programs: Pangea needs"
    " three connections; it is tried again",
    "53": "the server lacks memory or room: see its log; it is tried again",
    "55P03": "another session holds a lock: see pg_stat_activity; it is tried again",
    "57014": "the server takes too long: see pg_stat_activity and its disk",
    "57P": "the server stops or starts; it is tried again",
    "58": "the server's disk has errors: see the system's log there",
    "XX001": "a table is damaged: stop Pangea and restore the last backup",
    "XX002": "an index is damaged: REINDEX it, or restore the last backup",
    "08": "the connection broke; it is tried again",
}
#: While there is no session yet, the driver tells no SQLSTATE.
_BY_TEXT = (
    (r"too many clients|remaining connection slots|too many connections", "53300"),
    (r"password authentication failed|no password supplied|fe_sendauth", "28P01"),
    (r"no pg_hba|role .* does not exist|authentication failed", "28"),
    (r"database .* does not exist", "3D000"),
    (r"permission denied", "42501"),
    (r"is starting up|is shutting down|in recovery mode|terminating conn", "57P03"),
)
_AWAY = (
    "is the server running, and are host and port right? Results wait at the workers;"
    " it is tried again"
)
#: What the driver guesses; the hint says it better.
_GUESS = re.compile(r"Is the server running|This probably means|before or while")
_FATAL = re.compile(r"^.*?(?:FATAL|ERROR):\s+")


def told(error: BaseException, doing: str, secrets: list[str]) -> StorageError:
    """Return what came of *doing* as the error to tell, without any of *secrets*."""
    first = _first(error)
    text = safe_text(message(first))
    for secret in secrets:
        text = text.replace(secret, "***")
    return StorageError(f"{doing}: {text}", hint=_hint(first))


def is_away(error: BaseException) -> bool:
    """Return whether it may help to wait: there is no server, or it starts."""
    state = _state(_first(error))
    return state in ("", "57P03", "53300")


def message(error: BaseException) -> str:
    """Return what the server, or the driver, said; one line."""
    diagnosis = getattr(error, "diag", None)
    said = getattr(diagnosis, "message_primary", None) or str(error)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    short = [_FATAL.sub("", line) for line in lines if not _GUESS.match(line)]
    return "; ".join(dict.fromkeys(short))[:400] or type(error).__name__


def _first(error: BaseException) -> BaseException:
    """Return what began it: undoing fails as well when the link is gone."""
    found = error
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, psycopg.Error):
            found = seen
        seen = seen.__context__
    return found


def _hint(error: BaseException) -> str:
    state = _state(error)
    if not state:
        return _AWAY
    known = (state[:n] for n in (5, 3, 2))
    return next((_BY_STATE[one] for one in known if one in _BY_STATE), "")


def _state(error: BaseException) -> str:
    """Return the SQLSTATE, "" if there was no session to tell it."""
    state = getattr(error, "sqlstate", None)
    if state:
        return str(state)
    text = str(error)
    for pattern, meant in _BY_TEXT:
        if re.search(pattern, text):
            return meant
    return "" if isinstance(error, psycopg.OperationalError) else "?"
