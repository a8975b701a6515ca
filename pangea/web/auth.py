"""Who asks: the admin token of programs, the sessions of people."""

import hashlib
import hmac
import logging
import re
import secrets
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web
from msgspec.structs import replace

from pangea.core.model import FIRST_ORG
from pangea.core.text import safe_text

from .accounts import Account, Session
from .caller import address_of, is_secure
from .keys import ACCOUNTS, SITE, WHO, Site, Who

log = logging.getLogger(__name__)

COOKIE = "pangea"
#: A session in use is written down so often, in seconds, not at every request.
TOUCH_S = 60.0
TOKEN_HOLDER = Who(account=0, name="admin token", org=FIRST_ORG, role="admin")
_PLAIN_PATH = re.compile(r"/(?![/\\])[\w./~-]*")


async def identify(request: web.Request) -> Who | None:
    """Return who asks, or None; a token is never mixed with a cookie."""
    if "Authorization" in request.headers:
        return TOKEN_HOLDER if holds_token(request) else None
    cookie = request.cookies.get(cookie_name(request))
    if not cookie or len(cookie) > 128:
        return None
    return await by_session(request.app, hash_session(cookie))


def holds_token(request: web.Request) -> bool:
    """Tell whether *request* carries the admin token; the time tells nothing."""
    token = request.app[SITE].admin_token
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return False
    return hmac.compare_digest(_raw(given.strip()), _raw(token))


def _raw(text: str) -> bytes:
    """Return the bytes of a header as they came, whatever they are."""
    return text.encode("utf-8", "surrogateescape")


async def by_session(app: web.Application, hash_: bytes) -> Who | None:
    """Return whose session it is, if it lives; note that it was used."""
    accounts, now = app[ACCOUNTS], app[SITE].wall()
    session = await accounts.session(hash_)
    if session is None:
        return None
    if not lives(session, now, app[SITE].idle_s):
        await accounts.close_session(hash_)
        return None
    account = await accounts.by_id(session.account)
    if account is None:
        return None
    if now - session.last_seen >= TOUCH_S:
        await accounts.touch(hash_, now)
    return Who(account.id, account.name, account.org, account.role, hash_)


def lives(session: Session, now: float, idle_s: float) -> bool:
    """Tell whether a session has neither ended nor been left alone too long."""
    return now < session.expires and now - session.last_seen < idle_s


async def open_session(
    request: web.Request, response: web.StreamResponse, account: Account
) -> None:
    """Begin a session with a new id and give it to the browser of *request*."""
    site, sid = request.app[SITE], secrets.token_urlsafe(32)
    session = replace(
        _fresh(account, site),
        hash=hash_session(sid),
        ip=address_of(request)[:64],
        agent=safe_text(request.headers.get("User-Agent", "")),
    )
    await request.app[ACCOUNTS].open_session(session)
    response.set_cookie(
        cookie_name(request),
        sid,
        max_age=int(site.session_s),
        path="/",
        httponly=True,
        secure=is_secure(request),
        samesite="Strict",
    )


def _fresh(account: Account, site: Site) -> Session:
    now = site.wall()
    return Session(
        hash=b"",
        account=account.id,
        org=account.org,
        created=now,
        last_seen=now,
        expires=now + site.session_s,
        ip="",
        agent="",
    )


async def close_session(request: web.Request, response: web.StreamResponse) -> None:
    """End the session of *request* and take its cookie away."""
    who = request.get(WHO)
    if who is not None and who.session is not None:
        await request.app[ACCOUNTS].close_session(who.session)
    response.del_cookie(
        cookie_name(request),
        path="/",
        httponly=True,
        secure=is_secure(request),
        samesite="Strict",
    )


def cookie_name(request: web.Request) -> str:
    """Return the cookie's name; ``__Host-`` needs TLS (RFC 6265bis 4.1.3.2)."""
    return f"__Host-{COOKIE}" if is_secure(request) else COOKIE


def hash_session(sid: str) -> bytes:
    """Return what the database knows of a session's id."""
    return hashlib.blake2b(_raw(sid), digest_size=32, person=b"pangea-session").digest()


def safe_next(path: str) -> str:
    """Return *path* if it is a plain path of this site, else the dashboard."""
    return path if _PLAIN_PATH.fullmatch(path) else "/dash"


#: Fields of an address that say what was done: said once, and not again.
ONCE = ("done", "undo", "added", "stopped", "stopped_on")


def as_it_was(request: web.Request, path: str) -> str:
    """Return *path* with the query that the page had, if a form on it was sent.

    Browsers name the page (Referer); of that nothing but the query is used. What
    was said there once is not said again.
    """
    try:
        page = urlsplit(request.headers.get("Referer", ""))
        asked = parse_qsl(page.query, max_num_fields=50)
    except ValueError:
        return path
    kept = [(name, value) for name, value in asked if name not in ONCE]
    return f"{path}?{urlencode(kept)}" if kept and page.path == path else path
