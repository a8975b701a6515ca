"""Join tokens as they are stored: what is gone opens nothing, none works twice."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from pangea.core.errors import NotAllowed
from pangea.core.model import FIRST_ORG

from .connection import connection

#: Tokens that may be open at the same time.
MOST_OPEN = 1000

_COLUMNS = (
    "id, org, secret, state, approve, site, created_us, created_by, expires_us,"
    " used_us, used_by"
)


class StoredToken(Struct, frozen=True, kw_only=True):
    """A one-time token; ``state`` is open, used, expired or withdrawn.

    ``secret`` is sealed, ``used_by`` is the public key of the node that used it.
    """

    id: bytes
    secret: bytes
    state: str = "open"
    approve: bool = False
    site: str = ""
    created_us: int = 0
    created_by: str = ""
    expires_us: int = 0
    used_us: int = 0
    used_by: bytes | None = None
    org: int = FIRST_ORG


def add(token: StoredToken) -> None:
    """Store a new token."""
    marks = ", ".join("?" * 11)
    connection().execute(
        f"INSERT INTO join_token ({_COLUMNS}) VALUES ({marks})", _row(token)
    )


def all() -> list[StoredToken]:
    """Return every token that is not forgotten, oldest first."""
    rows = connection().execute(
        f"SELECT {_COLUMNS} FROM join_token ORDER BY created_us"
    )
    return [_token(row) for row in rows]


def consume(token: bytes, key: bytes, now_us: int) -> None:
    """Let the node with *key* use *token*, now or as it did before.

    Call it in the transaction that registers the node. Raises NotAllowed if the
    token was used by another one, has expired, or never was.
    """
    used = connection().execute(
        "UPDATE join_token SET state = 'used', used_us = ?, used_by = ?"
        " WHERE id = ? AND state = 'open' AND expires_us > ?",
        (now_us, key, token, now_us),
    )
    if used.rowcount == 1:
        return
    found = (
        connection()
        .execute("SELECT state, used_by FROM join_token WHERE id = ?", (token,))
        .fetchone()
    )
    if found is None:
        raise NotAllowed("there is no such join token")
    if found[0] != "used":
        withdrawn = found[0] == "withdrawn"
        what = "was withdrawn" if withdrawn else "has expired"
        raise NotAllowed(f"this join token {what}")
    if bytes(found[1]) != key:
        raise NotAllowed("this join token was used by another node")


def expire(now_us: int) -> int:
    """Close for good what is over; return how many, also if the clock goes back."""
    closed = connection().execute(
        "UPDATE join_token SET state = 'expired'"
        " WHERE state = 'open' AND expires_us <= ?",
        (now_us,),
    )
    return int(closed.rowcount)


def close(ids: Sequence[bytes]) -> None:
    """Close tokens for good that nobody has used."""
    connection().executemany(
        "UPDATE join_token SET state = 'expired' WHERE id = ? AND state = 'open'",
        [(token,) for token in ids],
    )


def forget(before_us: int) -> list[bytes]:
    """Delete what was used, or else ended, before *before_us*; return the ids.

    A token that nobody knows opens nothing, whatever a clock says later.
    """
    gone = connection().execute(
        "DELETE FROM join_token WHERE state <> 'open'"
        " AND coalesce(used_us, 0) < ? AND expires_us < ? RETURNING id",
        (before_us, before_us),
    )
    return [bytes(token) for (token,) in gone.fetchall()]


def withdraw(token: bytes) -> bool:
    """Close *token* for good, if it is open; tell whether it was."""
    closed = connection().execute(
        "UPDATE join_token SET state = 'withdrawn' WHERE id = ? AND state = 'open'",
        (token,),
    )
    return bool(closed.rowcount)


def _row(token: StoredToken) -> tuple[object, ...]:
    return (
        token.id,
        token.org,
        token.secret,
        token.state,
        token.approve,
        token.site,
        token.created_us,
        token.created_by,
        token.expires_us,
        token.used_us,
        token.used_by,
    )


def _token(row: tuple[Any, ...]) -> StoredToken:
    """Return a row of _COLUMNS."""
    token, org, secret, state, approve, site, *made = row
    created_us, created_by, expires_us, used_us, used_by = made
    return StoredToken(
        id=token,
        org=org,
        secret=secret,
        state=state,
        approve=bool(approve),
        site=site,
        created_us=created_us,
        created_by=created_by,
        expires_us=expires_us,
        used_us=used_us,
        used_by=used_by,
    )
