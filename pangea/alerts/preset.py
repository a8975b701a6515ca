"""What all notifiers share that make one HTTP call of a message."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec
from msgspec import Struct
from yarl import URL

from pangea.core.alerts_table import check_fingerprint
from pangea.core.errors import UsageError
from pangea.core.notice import Severity
from pangea.core.options import secret_names
from pangea.core.text import safe_text

from .document import SAMPLE
from .http import Answer, Call
from .notifier import Message, Refused
from .tools import Tools

#: Colours by severity, and of what is well again.
COLOURS: dict[str, int] = {
    "info": 0x3B82F6,
    "warning": 0xF59E0B,
    "critical": 0xDC2626,
    "well": 0x16A34A,
}
LONGEST_URL = 2000


class HttpOptions(Struct, frozen=True, kw_only=True):
    """Options of every notifier that calls a server that may be one's own.

    With ``tls_fingerprint`` (SHA-256) that certificate is taken, and no other.
    """

    tls_fingerprint: str = ""

    def __post_init__(self) -> None:
        check_fingerprint(self.tls_fingerprint)


class Preset(ABC):
    """A notifier whose ``calls`` say all: what is sent of a message, and where."""

    TYPE: ClassVar[str]
    DOES: ClassVar[str]
    Options: ClassVar[type[Struct]]
    SECRETS: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        cls.SECRETS = secret_names(cls.Options)

    def __init__(self, tools: Tools) -> None:
        self._http = tools.http

    @abstractmethod
    def calls(self, message: Message, options: Any) -> Sequence[Call]:
        """Return the HTTP calls that *message* is, mostly one. Pure."""

    def place(self, options: Any) -> str:
        """Return the host that is called."""
        return host_of(self.call_url(options))

    def call_url(self, options: Any) -> str:
        """Return the URL that is in *options*."""
        return str(options.url)

    def possible(self, options: Any) -> None:
        """Make the calls of a sample, and send nothing. Raises UsageError."""
        for call in self.calls(SAMPLE, options):
            try:
                self._http.possible(call.url)
            except Refused as error:
                raise UsageError(str(error), hint=error.hint) from error

    async def check(self, options: Any) -> None:
        """Raise UsageError if no message could ever be sent like this."""
        self.possible(options)

    async def send(self, message: Message, options: Any, timeout_s: float) -> str:
        """Make the calls; return the last answer. Raises NotSent and Refused."""
        said = "there was nothing to send"
        for call in self.calls(message, options):
            said = self.said(await self._http.send(call))
        return said

    def said(self, answer: Answer) -> str:
        """Return a good answer in short."""
        excerpt = safe_text(answer.body.strip(), 80)
        return f"{answer.status} {excerpt}".strip()


def post(url: str, body: Any, fingerprint: str = "", **headers: str) -> Call:
    """Return the call that posts *body* as JSON; ``_`` in a header's name is ``-``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call("POST", url, {**JSON, **named}, msgspec.json.encode(body), fingerprint)


JSON: Mapping[str, str] = {"Content-Type": "application/json"}


def check_url(text: str, key: str) -> None:
    """Raise ValueError unless *text* is an HTTP URL; it is never repeated.

    It may hold a secret, so nobody reads it in an error.
    """
    try:
        url = URL(text)
        good = url.scheme in ("http", "https") and bool(url.host) and url.port != 0
    except ValueError:
        good = False
    if not good or len(text) > LONGEST_URL or not text.isprintable() or " " in text:
        raise ValueError(f"{key}: wanted a URL such as https://host/path")
    if url.user is not None or url.password is not None:
        raise ValueError(f"{key}: a password does not stand in a URL: use an option")


def check_token(text: str, key: str) -> None:
    """Raise ValueError unless *text* can stand in a header or a path."""
    if not (text.isascii() and text.isprintable()) or " " in text or not text:
        raise ValueError(f"{key}: wanted letters, digits and signs without blanks")


def host_of(url: str) -> str:
    """Return the host of a URL, with its port if it is not the usual one."""
    found = URL(url)
    usual = found.port in (80, 443, None)
    return safe_text(found.host, 100) + ("" if usual else f":{found.port}")


def joined(base: str, *parts: str) -> str:
    """Return *base* with *parts* after it, each quoted whole."""
    url = URL(base)
    for part in parts:
        # A slash in a part stays in it.
        url = URL(f"{str(url).rstrip('/')}/{quote(part, safe='')}", encoded=True)
    return str(url)


def colour_of(severity: Severity, action: str) -> int:
    """Return the colour of a message."""
    return COLOURS["well" if action == "resolve" else severity]
