"""Logging in and out: one hash an attempt, the same answer to every failure."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web

from pangea.core.text import safe_text
from pangea.mesh.limits import source_of

from .accounts import Account, Accounts
from .asked import read_form
from .attempts import Attempts
from .auth import close_session, open_session, safe_next
from .caller import address_of
from .codes import GIVEN, hash_code, new_salt, read_code, salt_of, same_hash
from .keys import ACCOUNTS, SITE
from .pages import login_page
from .refusals import NotLoggedIn, TooMany
from .route import Route

log = logging.getLogger(__name__)

#: Hashes at once (64 MiB each), and attempts that may wait for one.
AT_ONCE, QUEUE = 2, 20
#: Failures from one address, for one account, for all chosen codes together, before
#: the wait begins; guessing from many addresses at once must not lock people out.
FREE_FROM, FREE_AT, FREE_GIVEN, GIVEN_S = 5, 10, 50, 30.0
WRONG = "This code is not known."


class LoginDesk:
    """Checks codes, slowly and never many at once."""

    def __init__(self) -> None:
        self._from = Attempts(FREE_FROM)
        self._at = Attempts(FREE_AT)
        self._given = Attempts(FREE_GIVEN, GIVEN_S)
        self._hashers = ThreadPoolExecutor(AT_ONCE, "code-hash")
        self._waiting = 0
        self._no_salt = new_salt()

    async def check(
        self, accounts: Accounts, code: str, address: str, now: float
    ) -> Account:
        """Return whose code it is. Raises NotLoggedIn, or TooMany with the wait."""
        source, (prefix, whole) = source_of(address), read_code(code)
        counts = ((self._from, source), (self._of(prefix), prefix))
        wait = max(count.wait_s(key, now) for count, key in counts)
        if wait > 0 or self._waiting >= QUEUE:
            raise TooMany("Too many wrong codes.", retry_s=max(wait, 1.0))
        for count, key in counts:  # before the hash: guesses in parallel count too
            count.failed(key, now)
        account = await self._find(accounts, prefix, whole)
        if account is None:
            log.warning("a wrong access code came from %s", safe_text(address, 64))
            raise NotLoggedIn(WRONG)
        for count, key in counts:
            count.succeeded(key)
        return account

    async def _find(self, accounts: Accounts, prefix: str, code: str) -> Account | None:
        """Hash once, whether anybody has the prefix or not, and compare with all."""
        candidates = await accounts.by_prefix(prefix)
        if not candidates and prefix != GIVEN:
            # Somebody may have chosen a code that looks like a made one.
            candidates = await accounts.by_prefix(GIVEN)
        salt = salt_of(candidates[0].code_hash) if candidates else self._no_salt
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            hashed = await loop.run_in_executor(self._hashers, hash_code, code, salt)
        finally:
            self._waiting -= 1
        same = [c for c in candidates if same_hash(c.code_hash, hashed)]
        return same[0] if same else None

    def _of(self, prefix: str) -> Attempts:
        return self._given if prefix == GIVEN else self._at

    async def close(self, app: web.Application) -> None:
        """Start no more hashes."""
        self._hashers.shutdown(wait=False, cancel_futures=True)


DESK: web.AppKey[LoginDesk] = web.AppKey("desk", LoginDesk)
#: Called with each login: whose it is, its address, and what browser it seems to be.
LOGINS: web.AppKey[Callable[[Account, str, str], None]] = web.AppKey("logins")


async def log_in(request: web.Request) -> web.StreamResponse:
    """POST /login : begin a session with the access code in the form."""
    form = await read_form(request)
    app, address = request.app, address_of(request)
    try:
        account = await app[DESK].check(
            app[ACCOUNTS], str(form.get("code", "")), address, app[SITE].wall()
        )
    except NotLoggedIn as error:
        return login_page(request, str(error), 401)
    except TooMany as error:
        response = login_page(request, f"{error} {error.hint}", 429)
        response.headers["Retry-After"] = str(int(error.retry_s) + 1)
        return response
    response = web.Response(status=303)
    response.headers["Location"] = safe_next(str(form.get("next", "")))
    await open_session(request, response, account)
    if tell := app.get(LOGINS):
        tell(account, address, request.headers.get("User-Agent", ""))
    log.info("%s logged in from %s", account.name, safe_text(address, 64))
    return response


async def log_out(request: web.Request) -> web.StreamResponse:
    """POST /logout : end the session."""
    response = web.Response(status=303, headers={"Location": "/login"})
    await close_session(request, response)
    return response


LOGIN: list[Route] = [
    Route(
        method="POST",
        path="/login",
        handler=log_in,
        summary="Begin a session with an access code",
        auth="none",
        page=True,
    ),
    Route(
        method="POST",
        path="/logout",
        handler=log_out,
        summary="End the session",
        auth="none",
        page=True,
    ),
]
