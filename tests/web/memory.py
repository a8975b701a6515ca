"""Accounts without a database, with the promises of the real ones."""

from itertools import count

from msgspec.structs import replace

from pangea.web.accounts import Account, Session


class MemoryAccounts:
    """Accounts that are gone with the test."""

    def __init__(self):
        self.accounts = {}
        self.sessions = {}
        self._ids = count(1)

    async def all(self):
        return list(self.accounts.values())

    async def by_prefix(self, prefix):
        return [a for a in self.accounts.values() if a.prefix == prefix]

    async def by_id(self, account):
        return self.accounts.get(account)

    async def put(self, org, name, role, prefix, hash_):
        same = [a for a in self.accounts.values() if (a.org, a.name) == (org, name)]
        number = same[0].id if same else next(self._ids)
        self._end(number)
        self.accounts[number] = Account(
            id=number, org=org, name=name, role=role, prefix=prefix, code_hash=hash_
        )

    async def remove(self, account):
        self._end(account)
        self.accounts.pop(account, None)

    def _end(self, account):
        kept = {h: s for h, s in self.sessions.items() if s.account != account}
        self.sessions = kept

    async def open_session(self, session: Session):
        live = {h: s for h, s in self.sessions.items() if s.expires > session.created}
        self.sessions = {**live, session.hash: session}

    async def session(self, hash_):
        return self.sessions.get(hash_)

    async def touch(self, hash_, now):
        self.sessions[hash_] = replace(self.sessions[hash_], last_seen=now)

    async def close_session(self, hash_):
        self.sessions.pop(hash_, None)
