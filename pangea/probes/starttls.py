"""Asks a server to change from plain talk to TLS, in its own protocol."""

import re
from collections.abc import Awaitable, Callable
from typing import Literal

from pangea.core.failure import ProbeFailed
from pangea.core.text import safe_text

from .starttls_ldap import read_answer
from .wire import Stream

Protocol = Literal["none", "smtp", "imap", "pop3", "ftp", "xmpp", "postgres", "ldap"]

PORTS = {
    "none": 443,
    "smtp": 25,
    "imap": 143,
    "pop3": 110,
    "ftp": 21,
    "xmpp": 5222,
    "postgres": 5432,
    "ldap": 389,
}
#: what a server may say before TLS: bytes, bytes of a line, lines of an answer,
#: and pieces that it comes in
MAX_SAID, MAX_LINE, MAX_LINES, MAX_PIECES = 16384, 2048, 100, 2048
#: who we say that we are; a name that nobody has (RFC 2606)
_OUR_NAME = "pangea.invalid"
_XMPP_TLS = b"urn:ietf:params:xml:ns:xmpp-tls"
_XMPP_HELLO = (
    "<?xml version='1.0'?><stream:stream to='{host}' version='1.0' "
    "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
)
_XMPP_FEATURES = re.compile(
    rb"</(?:\w{1,20}:)?features\s{0,9}>|<(?:\w{1,20}:)?(?:features\s{0,9}/|error)"
    rb"|</stream:stream"
)
_XMPP_ANSWER = re.compile(rb"<proceed\b[^>]*>(?:\s*</proceed\s*>)?|<failure\b|</stream")
#: SSLRequest: its length and its code (PostgreSQL protocol 3, message formats)
_POSTGRES = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")
#: ExtendedRequest 1 for 1.3.6.1.4.1.1466.20037 (RFC 4511 section 4.14)
_LDAP = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + b"1.3.6.1.4.1.1466.20037"


async def start_tls(stream: Stream, protocol: Protocol, host: str) -> None:
    """Have the server change to TLS; return when it waits for our hello.

    *host* is the name that XMPP servers want to hear. Raises ProbeFailed
    ``starttls`` with what the server said, ``closed``, or ``protocol``, also if
    it said more than its consent: that would be taken for something said in TLS.
    """
    if protocol == "none":
        return
    talk = _Talk(stream, host)
    await _SPEAKERS[protocol](talk)
    if talk.unread:
        raise ProbeFailed(
            "protocol",
            f"the server sent {len(talk.unread)} bytes after its consent and before "
            f"TLS: {talk.shown()!r}",
        )


class _Talk:
    """A plain conversation, with bounds on what the server may say."""

    def __init__(self, stream: Stream, host: str) -> None:
        self._stream, self.host = stream, host
        self.unread = b""
        self._said = self._pieces = 0

    def say(self, text: str) -> None:
        """Send *text* as a line."""
        self._stream.write(text.encode() + b"\r\n")

    def send(self, data: bytes) -> None:
        """Send *data* as it is."""
        self._stream.write(data)

    async def hear(self) -> None:
        """Wait for more; it is added to ``unread``."""
        data = await self._stream.read()
        if not data:
            said = f", having said {self.shown()!r}" if self.unread else ""
            detail = f"the server closed the connection before TLS began{said}"
            raise ProbeFailed("closed", detail)
        self._said += len(data)
        self._pieces += 1
        if self._said > MAX_SAID or self._pieces > MAX_PIECES:
            detail = f"the server's talk has no end: {self.shown()!r}"
            raise ProbeFailed("protocol", detail)
        self.unread += data

    async def line(self) -> str:
        """Return the next line, without its end, as safe text."""
        while b"\n" not in self.unread[:MAX_LINE]:
            if len(self.unread) >= MAX_LINE:
                detail = f"the server's line has no end: {self.shown()!r}"
                raise ProbeFailed("protocol", detail)
            await self.hear()
        line, _, self.unread = self.unread.partition(b"\n")
        return safe_text(line.removesuffix(b"\r"), 300)

    def shown(self) -> str:
        """Return what is unread as one may show it."""
        return safe_text(self.unread, 100)


def _refusal(talk_of: str, got: str, wanted: str) -> ProbeFailed:
    return ProbeFailed("starttls", f"{talk_of}: got {got!r}, wanted {wanted}")


async def _reply(talk: _Talk, code: str, doing: str) -> list[str]:
    """Return the texts of a reply of one or more lines (RFC 5321 section 4.2.1)."""
    texts: list[str] = []
    for _ in range(MAX_LINES):
        line = await talk.line()
        texts.append(line[4:])
        if not texts[1:] and not line.startswith(code):
            raise _refusal(doing, line, code)
        if line.startswith(code) and line[3:4] in ("", " "):
            return texts
    raise ProbeFailed("protocol", f"{doing}: more than {MAX_LINES} lines")


async def _smtp(talk: _Talk) -> None:
    await _reply(talk, "220", "greeting")
    talk.say(f"EHLO {_OUR_NAME}")
    offers = [line.strip().upper() for line in await _reply(talk, "250", "EHLO")]
    if "STARTTLS" not in offers[1:]:
        raise _refusal("EHLO", ", ".join(offers[1:9]), "STARTTLS to be offered")
    talk.say("STARTTLS")
    await _reply(talk, "220", "STARTTLS")


async def _ftp(talk: _Talk) -> None:
    await _reply(talk, "220", "greeting")
    talk.say("AUTH TLS")
    await _reply(talk, "234", "AUTH TLS")


async def _pop3(talk: _Talk) -> None:
    for doing, command in (("greeting", "STLS"), ("STLS", "")):
        line = await talk.line()
        if not line.startswith("+OK"):
            raise _refusal(doing, line, "+OK")
        if command:
            talk.say(command)


async def _imap(talk: _Talk) -> None:
    greeting = await talk.line()
    if not greeting.upper().startswith("* OK"):
        raise _refusal("greeting", greeting, "* OK")
    talk.say("a STARTTLS")
    for _ in range(MAX_LINES):
        line = await talk.line()
        if not line.startswith("* "):
            break
    if not line.upper().startswith("A OK"):
        raise _refusal("STARTTLS", line, "a OK")


async def _xmpp(talk: _Talk) -> None:
    talk.send(_XMPP_HELLO.format(host=talk.host).encode())
    features = await _until(talk, _XMPP_FEATURES)
    if _XMPP_TLS not in features:
        said = _around(talk, features)
        raise _refusal("stream", said, "starttls to be offered")
    talk.send(b"<starttls xmlns='" + _XMPP_TLS + b"'/>")
    answer = await _until(talk, _XMPP_ANSWER)
    if b"<proceed" not in answer:
        raise _refusal("starttls", _around(talk, answer), "<proceed/>")


def _around(talk: _Talk, said: bytes) -> str:
    return safe_text(said[-100:] + talk.unread[:100], 200)


async def _until(talk: _Talk, pattern: re.Pattern[bytes]) -> bytes:
    """Return what is said up to the end of *pattern*."""
    while True:
        found = pattern.search(talk.unread)
        if found:
            said, talk.unread = talk.unread[: found.end()], talk.unread[found.end() :]
            return said
        await talk.hear()


async def _postgres(talk: _Talk) -> None:
    talk.send(_POSTGRES)
    await talk.hear()
    consent, talk.unread = talk.unread[:1], talk.unread[1:]
    if consent != b"S":
        said = safe_text(consent + talk.unread, 200)
        talk.unread = b""
        raise _refusal("SSLRequest", said, "S")


async def _ldap(talk: _Talk) -> None:
    talk.send(_LDAP)
    while True:
        try:
            answer = read_answer(talk.unread)
        except ValueError as error:
            detail = f"StartTLS: the answer is malformed: {error}, {talk.shown()!r}"
            raise ProbeFailed("protocol", detail) from error
        if answer:
            break
        await talk.hear()
    talk.unread = talk.unread[answer.size :]
    if answer.code:
        said = f"{answer.code} {safe_text(answer.message, 200)}".strip()
        raise _refusal("StartTLS", said, "the result code 0")


_SPEAKERS: dict[str, Callable[[_Talk], Awaitable[None]]] = {
    "smtp": _smtp,
    "imap": _imap,
    "pop3": _pop3,
    "ftp": _ftp,
    "xmpp": _xmpp,
    "postgres": _postgres,
    "ldap": _ldap,
}
