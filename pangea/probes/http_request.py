"""What an HTTP probe sends, and what of it may follow a redirect elsewhere."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urljoin

from pangea.core.errors import UsageError
from pangea.core.failure import ProbeFailed
from pangea.core.text import safe_text

from .client_certificate import IdentitySource
from .http_way import Proxy
from .target import Url, parse_url

MAX_HEADERS = 8 * 1024
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*(.*)", re.DOTALL)
#: the probe's own business: framing and the life of the connection
_OURS = {"content-length", "transfer-encoding", "connection", "upgrade", "expect", "te"}
#: what another origin may see; everything else could be a secret
_HARMLESS = {"accept", "accept-encoding", "accept-language", "cache-control"}
_HARMLESS |= {"pragma", "user-agent"}

Headers = tuple[tuple[str, str], ...]


class Request(NamedTuple):
    """One request; *headers* hold what the job gives, the usual ones are added."""

    url: Url
    method: str
    headers: Headers
    body: bytes
    server_name: str
    identity: IdentitySource | None

    @property
    def host(self) -> str:
        """What the job says of ``Host``, else the URL's own."""
        given = (value for name, value in self.headers if name.lower() == "host")
        return next(given, self.url.authority)

    def fields(self) -> list[tuple[str, str]]:
        """Return the header fields but ``Host`` and those of the connection."""
        given = {name.lower() for name, _ in self.headers}
        usual = [
            ("User-Agent", "Pangea"),
            ("Accept", "*/*"),
            ("Accept-Encoding", "gzip, deflate"),
        ]
        if self.body or self.method in ("POST", "PUT", "PATCH"):
            usual.append(("Content-Length", str(len(self.body))))
        sent = [pair for pair in usual if pair[0].lower() not in given]
        return sent + [pair for pair in self.headers if pair[0].lower() != "host"]

    def wire(self, proxy: Proxy | None = None) -> bytes:
        """Return the request as it is sent, to *proxy* with the whole URL."""
        target, fields = self.url.path, [("Host", self.host), *self.fields()]
        if proxy:
            target = f"http://{self.url.authority}{target}"
            if proxy.authorization:
                fields.append(("Proxy-Authorization", proxy.authorization))
        fields.append(("Connection", "close"))
        lines = [f"{self.method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in fields]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


def parse_headers(given: Mapping[str, str] | list[str]) -> Headers:
    """Return *given*, a mapping or lines ``Name: value``, as pairs.

    A piece without a name belongs to the line before it: the comma between
    them was part of a value. Raises UsageError for what no header may hold.
    """
    if isinstance(given, Mapping):
        pairs = [(name.strip(), value.strip()) for name, value in given.items()]
    else:
        pairs = [_pair(line) for line in rejoin(given, _FIELD)]
    for name, value in pairs:
        _check(name, value)
    if sum(len(name) + len(value) + 4 for name, value in pairs) > MAX_HEADERS:
        raise UsageError(f"http option: headers are larger than {MAX_HEADERS} bytes")
    return tuple(pairs)


def authorized(headers: Headers, value: str) -> Headers:
    """Return *headers* with ``Authorization``. Raises UsageError."""
    if any(name.lower() == "authorization" for name, _ in headers):
        said = "http option: the header Authorization stands beside user or token"
        raise UsageError(said, hint="give one of them")
    pair = ("Authorization", value)
    _check(*pair)
    return (*headers, pair)


def rejoin(pieces: list[str], begins: re.Pattern[str]) -> list[str]:
    """Return *pieces* of a text cut at commas as the parts that were meant.

    A piece that is not what *begins* a part belongs to the one before it.
    """
    parts: list[str] = []
    for piece in pieces:
        if parts and not begins.fullmatch(piece):
            inside = parts[-1].count("{") > parts[-1].count("}")
            parts[-1] += f",{piece}" if inside else f", {piece}"
        else:
            parts.append(piece)
    return parts


def follow(request: Request, location: str, status: int) -> Request:
    """Return the request that a redirect to *location* asks for.

    To another origin go neither secrets nor a ``Host``, server name or
    certificate of our own. A 303, and as everywhere a 301 or 302 to a POST, makes
    it a GET
    (RFC 9110 section 15.4). Raises ProbeFailed ``redirect``.
    """
    try:
        url = parse_url(urljoin(str(request.url), location), request.url.scheme)
    except (UsageError, ValueError) as error:
        raise ProbeFailed("redirect", f"the redirect leads nowhere: {error}") from error
    if _is_elsewhere(request.url, url):
        kept = tuple(p for p in request.headers if p[0].lower() in _HARMLESS)
        request = request._replace(headers=kept, server_name="", identity=None)
    to_get = status == 303 or (status in (301, 302) and request.method == "POST")
    if to_get and request.method not in ("GET", "HEAD"):
        kept = tuple(p for p in request.headers if not _describes_body(p[0]))
        request = request._replace(method="GET", body=b"", headers=kept)
    return request._replace(url=url)


def _is_elsewhere(here: Url, there: Url) -> bool:
    if here.origin == there.origin:
        return False
    # The same host by TLS instead of in the clear is no stranger.
    upgraded = ("http", here.host, 80), ("https", here.host, 443)
    return (here.origin, there.origin) != upgraded


def _describes_body(name: str) -> bool:
    return name.lower().startswith("content-")


def _pair(line: str) -> tuple[str, str]:
    found = _FIELD.fullmatch(line.strip())
    if not found:
        what = safe_text(line, 60)
        raise UsageError(
            f"http option: {what!r} is not a header", hint='write it like "Name: value"'
        )
    return found[1], found[2].strip()


def _check(name: str, value: str) -> None:
    shown = safe_text(name, 60)
    if not _TOKEN.fullmatch(name):
        raise UsageError(f"http option: {shown!r} is not a header name")
    if name.lower() in _OURS:
        raise UsageError(f"http option: the header {shown} is set by the probe itself")
    if not value.replace("\t", " ").isprintable():
        detail = f"the value of header {shown} contains a control character"
        raise UsageError(f"http option: {detail}")
