"""Pages over plain HTTP, as a browser without scripts gets them."""

import re
from contextlib import asynccontextmanager
from html.parser import HTMLParser

import aiohttp
from msgspec.structs import replace

from tests.seeded import SeededService
from tests.seeded_site import CODE, TOKEN, seeded_site

HTML = {"Accept": "text/html"}
EVIL = "<script>alert(1)</script>\u202egnp\x1b[31m\"'><img src=x onerror=alert(2)>"


@asynccontextmanager
async def asking(jobs=14):
    """Yield the site and a session that may do everything, without logging in."""
    async with seeded_site(SeededService(jobs)) as site:
        headers = HTML | {"Authorization": f"Bearer {TOKEN}"}
        async with aiohttp.ClientSession(site.url, headers=headers) as http:
            yield site, http


@asynccontextmanager
async def looking():
    """Yield the site and a session that has logged in and may only look."""
    async with seeded_site(SeededService()) as site:
        accounts = site.accounts.accounts
        accounts[1] = replace(accounts[1], role="viewer")
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(
            site.url, headers=HTML, cookie_jar=jar
        ) as http:
            await http.post("/login", data={"code": CODE})
            yield site, http


async def text(http, path, status=200):
    """Return the page at *path*."""
    answer = await http.get(path)
    assert answer.status == status, await answer.text()
    return await answer.text()


class Tags(HTMLParser):
    """The names of all tags and attributes of a page."""

    def __init__(self):
        super().__init__()
        self.names, self.attributes = set(), set()

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def plain(page):
    """Return the words of a page without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def assert_harmless(page):
    """Fail if anything that a target said became markup, or turns text around."""
    assert "<script>alert" not in page
    assert "<img" not in page
    assert not re.search("[\x1b\u202e]", page)
    found = Tags()
    found.feed(page)
    assert "img" not in found.names
    assert not [name for name in found.attributes if name.startswith("on")]
    assert "style" not in found.attributes
