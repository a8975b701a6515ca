"""People who may log in, and their logins.

Codes and session ids never come here: only the argon2id text of the one and a
hash of the other, both made by the caller. Moments are seconds of UTC.
"""

from msgspec import Struct

from .models import AccountRow, SessionRow


class Account(Struct, frozen=True, kw_only=True):
    """A person: ``prefix`` finds the account, ``code_hash`` proves the code."""

    id: int
    org: int
    name: str
    role: str
    prefix: str
    code_hash: str


class Session(Struct, frozen=True, kw_only=True):
    """A login, known by the hash of its id alone."""

    hash: bytes
    account: int
    org: int
    created: float
    last_seen: float
    expires: float
    ip: str
    agent: str


def all() -> list[Account]:
    """Return every account, oldest first."""
    return [_account(row) for row in AccountRow.select().order_by(AccountRow.id)]


def count() -> int:
    """Return how many accounts there are."""
    return int(AccountRow.select().count())


def by_prefix(prefix: str) -> list[Account]:
    """Return the accounts whose code begins so."""
    rows = AccountRow.select().where(AccountRow.prefix == prefix)
    return [_account(row) for row in rows.order_by(AccountRow.id)]


def by_id(account: int) -> Account | None:
    """Return one account."""
    row = AccountRow.get_or_none(AccountRow.id == account)
    return None if row is None else _account(row)


def put(org: int, name: str, role: str, prefix: str, code_hash: str) -> Account:
    """Add the account, or give the one of that name a new code and role.

    Ends the sessions of an account that was there.
    """
    new = {"role": role, "prefix": prefix, "code_hash": code_hash}
    row = AccountRow.get_or_none((AccountRow.org == org) & (AccountRow.name == name))
    if row is None:
        row = AccountRow.create(org=org, name=name, **new)
    else:
        AccountRow.update(**new).where(AccountRow.id == row.id).execute()
        close_sessions_of(row.id)
    return _account(AccountRow.get_by_id(row.id))


def remove(account: int) -> None:
    """Remove an account with its sessions."""
    AccountRow.delete().where(AccountRow.id == account).execute()


def open_session(session: Session) -> None:
    """Store a new session; sessions that ran out are cleared away."""
    close_expired(session.created)
    SessionRow.create(
        hash=session.hash,
        account=session.account,
        org=session.org,
        created=session.created,
        last_seen=session.last_seen,
        expires=session.expires,
        ip=session.ip[:64],
        agent=session.agent[:256],
    )


def session(hash_: bytes) -> Session | None:
    """Return a session, also one that ran out."""
    row = SessionRow.get_or_none(SessionRow.hash == hash_)
    if row is None:
        return None
    return Session(
        hash=bytes(row.hash),
        account=row.account,
        org=row.org,
        created=row.created,
        last_seen=row.last_seen,
        expires=row.expires,
        ip=row.ip,
        agent=row.agent,
    )


def touch(hash_: bytes, now: float) -> None:
    """Note that the session was used."""
    SessionRow.update(last_seen=now).where(SessionRow.hash == hash_).execute()


def close_session(hash_: bytes) -> None:
    """End a session."""
    SessionRow.delete().where(SessionRow.hash == hash_).execute()


def close_sessions_of(account: int) -> None:
    """End every session of an account."""
    SessionRow.delete().where(SessionRow.account == account).execute()


def close_expired(now: float) -> int:
    """Clear away sessions that ran out; return how many."""
    return int(SessionRow.delete().where(SessionRow.expires <= now).execute())


def _account(row: AccountRow) -> Account:
    return Account(
        id=row.id,
        org=row.org,
        name=row.name,
        role=row.role,
        prefix=row.prefix,
        code_hash=row.code_hash,
    )
