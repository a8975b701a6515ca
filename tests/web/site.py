"""A real site on loopback over the seeded service, and three who may ask it."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from pangea.web.accounts import Account, Session
from pangea.web.api_workers import WORKERS
from pangea.web.app import make_app
from pangea.web.auth import hash_session
from pangea.web.keys import Site
from pangea.web.server import Running, serve
from tests.seeded import SeededService
from tests.web.memory import MemoryAccounts

TOKEN = "token-of-the-administrator"


class Wall:
    """A wall clock that stands still."""

    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


@dataclass
class Asked:
    """An answer, read."""

    status: int
    headers: aiohttp.typedefs.LooseHeaders
    text: str
    json: object


@dataclass
class SiteUnderTest:
    """Ask it as ``token``, ``admin``, ``viewer``, or as nobody (None)."""

    service: SeededService
    accounts: MemoryAccounts
    wall: Wall
    running: Running
    http: aiohttp.ClientSession
    links: list

    @property
    def url(self):
        return f"http://127.0.0.1:{self.running.port}"

    def headers(self, who):
        if who is None:
            return {}
        if who == "token":
            return {"Authorization": f"Bearer {TOKEN}"}
        return {"Cookie": f"pangea=sid-of-{who}"}

    async def ask(self, method, path, *, by=None, headers=None, **more):
        given = {**self.headers(by), **(headers or {})}
        asked = self.http.request(
            method, path, headers=given, allow_redirects=False, **more
        )
        async with asked as answer:
            text = await answer.text()
            is_json = "json" in answer.content_type
            value = await answer.json(content_type=None) if is_json else None
            return Asked(answer.status, answer.headers, text, value)

    async def get(self, path, **more):
        return await self.ask("GET", path, **more)

    async def post(self, path, **more):
        return await self.ask("POST", path, **more)


def member(accounts, wall, name, number):
    """Add an account that is logged in, without the price of a hash."""
    accounts.accounts[number] = Account(
        id=number,
        org=1,
        name=name,
        role=name,
        prefix=f"{number:04}",
        code_hash="$argon2id$v=19$m=65536,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$x",
    )
    hash_ = hash_session(f"sid-of-{name}")
    accounts.sessions[hash_] = Session(
        hash=hash_,
        account=number,
        org=1,
        created=wall.now,
        last_seen=wall.now,
        expires=wall.now + 7 * 86400,
        ip="127.0.0.1",
        agent="",
    )


async def until(condition):
    """Return when *condition* holds; fail if that takes too long."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(*, accept_link=None, tls=None, accounts=None, **settings):
    """Serve a site on a free port of loopback until the block ends."""
    service, wall, links = SeededService(), Wall(), []
    if accounts is None:
        accounts = MemoryAccounts()
        member(accounts, wall, "admin", 101)
        member(accounts, wall, "viewer", 102)

    async def accept(channel, address, proven):
        links.append(channel)
        await accept_link(channel, address, proven)

    app = make_app(
        service,
        service.hub,
        accounts,
        accept_link=accept,
        site=Site(admin_token=TOKEN, wall=wall, **settings),
    )
    app[WORKERS] = service
    running = await serve(app, "127.0.0.1", 0, tls=tls)
    base = f"http://127.0.0.1:{running.port}"
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(base, cookie_jar=jar) as http:
        try:
            yield SiteUnderTest(service, accounts, wall, running, http, links)
        finally:
            await running.stop()
