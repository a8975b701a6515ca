"""Mail of our own to those who run this: a new access code, a login from elsewhere.

It holds nobody up: what happens waits here until the database and the mail server
have time for it, and what cannot be sent is in the log.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from email.utils import make_msgid

from pangea.alerts.mail import written
from pangea.alerts.notifier import NotSent, Refused
from pangea.alerts.smtp import configured, hand_in
from pangea.core.alerts_table import SmtpTable
from pangea.core.clock import Clock
from pangea.core.errors import StorageError
from pangea.core.mail_address import parse_mail_address
from pangea.core.text import safe_text
from pangea.mesh.limits import source_of
from pangea.storage import settings
from pangea.storage.accounts import Account
from pangea.storage.database import Store

log = logging.getLogger(__name__)

#: What waits at most, how often a mail is tried, and after which seconds.
MOST, AGAIN_S = 100, (5.0, 60.0, 600.0)
TIMEOUT_S = 30.0
#: Places that are remembered of an account, the latest ones.
PLACES = 50
_CODES, _KNOWN = "mail.codes", "mail.places."


class OwnMail:
    """Tells ``smtp.notify``; ``run`` until cancelled."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._table, self._name = SmtpTable(), ""
        self._todo: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue(MOST)
        self._trouble = ""

    def configure(self, table: SmtpTable, name: str) -> None:
        """Send by the server of *table* from now on, as the coordinator *name*."""
        self._table, self._name = table, name

    def troubles(self) -> list[str]:
        """Return what is wrong with it, for a person."""
        said = self._trouble or (self._missing() if self._table.notify else "")
        return [f"smtp.notify gets no mail: {said}"] if said else []

    def started(self, accounts: Iterable[Account]) -> None:
        """Tell which *accounts* have another code than at the last start."""
        if missing := self._missing():
            # Most people never wanted any; only who began with it hears of it.
            wanted = self._table != SmtpTable()
            level = logging.INFO if wanted else logging.DEBUG
            log.log(level, "no mail is sent of new codes and logins: %s", missing)
        them = list(accounts)
        self._put(lambda: self._codes(them))

    def logged_in(self, account: Account, address: str, agent: str) -> None:
        """Tell of a login, if it comes from where that account never did."""
        at = f"{datetime.fromtimestamp(self._clock.wall(), UTC):%Y-%m-%d %H:%M:%S} UTC"
        self._put(lambda: self._login(account, address, agent, at))

    async def run(self) -> None:
        """Do what waits, until cancelled."""
        while True:
            work = await self._todo.get()
            try:
                await work()
            except StorageError as error:
                log.warning("no mail of a code or a login: %s", error)

    def _put(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            self._todo.put_nowait(work)
        except asyncio.QueueFull:
            log.warning("too much to tell smtp.notify of: one mail is left out")

    async def _codes(self, accounts: list[Account]) -> None:
        now = {f"{a.org}/{a.name}": _digest(a.code_hash) for a in accounts}
        text = await self._store.read(lambda: settings.get(_CODES))
        before = json.loads(text) if text else {}
        if now == before:
            return
        await self._store.write(lambda: settings.put(_CODES, json.dumps(now)))
        fresh = [_name(key) for key in now if before.get(key) != now[key]]
        gone = [_name(key) for key in before if key not in now]
        lines = [f"New access code: the account {name}" for name in fresh]
        lines += [f"No longer there: the account {name}" for name in gone]
        await self._send("Access codes have changed", lines)

    async def _login(self, account: Account, address: str, agent: str, at: str) -> None:
        key, place = f"{_KNOWN}{account.id}", source_of(address)
        text = await self._store.read(lambda: settings.get(key))
        known = json.loads(text) if text else []
        if place in known:
            return
        kept = json.dumps([*known, place][-PLACES:])
        await self._store.write(lambda: settings.put(key, kept))
        who = safe_text(account.name, 63)
        log.info("%s has not logged in from %s before", who, safe_text(place, 64))
        lines = [
            f"Account      {who}",
            f"From         {safe_text(address, 64)}",
            f"Browser      {safe_text(agent, 200)}",
            f"At           {at}",
        ]
        await self._send(f"{who} logged in from a new place", lines)

    def _missing(self) -> str:
        """Return what the configuration lacks for mail, "" if nothing."""
        table = self._table
        lacks = [k for k in ("host", "sender", "notify") if not getattr(table, k)]
        return f"smtp.{lacks[0]} is not configured" if lacks else ""

    async def _send(self, subject: str, lines: list[str]) -> None:
        if self._missing():
            return
        table, here = self._table, f" ({self._name})" if self._name else ""
        sender = parse_mail_address(table.sender, "sender")
        to = [parse_mail_address(one, "notify") for one in table.notify]
        doubt = "If that was none of you, give every account a new code."
        text = "\n".join([*lines, "", doubt, "", f"Pangea{here}"])
        mail = written(f"Pangea{here}: {subject}", text, "", sender, to)
        mail["Message-ID"] = make_msgid(domain=sender.host)
        mail["Date"] = datetime.fromtimestamp(self._clock.wall(), UTC)
        await self._try(sender.spec, [one.spec for one in to], mail.as_bytes())

    async def _try(self, sender: str, to: list[str], mail: bytes) -> None:
        for again_s in (*AGAIN_S, None):
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    await hand_in(configured(self._table), sender, to, mail)
                self._trouble = ""
                return
            except (NotSent, Refused, TimeoutError) as error:
                self._trouble = str(error) or "the mail server does not answer"
                if again_s is None or isinstance(error, Refused):
                    break
            await asyncio.sleep(again_s)
        log.warning("smtp.notify gets no mail: %s", self._trouble)


def _name(key: str) -> str:
    return safe_text(key.partition("/")[2], 63)


def _digest(code_hash: str) -> str:
    """Return what tells one code from another, and nothing about either."""
    return hashlib.sha256(code_hash.encode()).hexdigest()[:16]
