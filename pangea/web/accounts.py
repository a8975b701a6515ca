"""What logging in asks of the database, and how it is asked."""

from typing import Protocol

from pangea.storage.accounts import Account, Session

__all__ = ["Account", "Accounts", "Session"]


class Accounts(Protocol):
    """Accounts and sessions of the database."""

    async def all(self) -> list[Account]:
        """Return every account."""
        ...

    async def by_prefix(self, prefix: str) -> list[Account]:
        """Return the accounts whose code begins so."""
        ...

    async def by_id(self, account: int) -> Account | None:
        """Return one account."""
        ...

    async def put(
        self, org: int, name: str, role: str, prefix: str, hash_: str
    ) -> None:
        """Add the account, or give the one of that name a new code and role.

        Ends the sessions of an account that was there.
        """
        ...

    async def remove(self, account: int) -> None:
        """Remove an account with its sessions."""
        ...

    async def open_session(self, session: Session) -> None:
        """Store a new session; sessions that ran out are cleared away."""
        ...

    async def session(self, hash_: bytes) -> Session | None:
        """Return a session."""
        ...

    async def touch(self, hash_: bytes, now: float) -> None:
        """Note that the session was used."""
        ...

    async def close_session(self, hash_: bytes) -> None:
        """End a session."""
        ...
