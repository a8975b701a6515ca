"""Records what was said and heard on a connection: bounded, and without secrets."""

import re
from collections.abc import Iterable, Iterator

from pangea.core.options import MASK
from pangea.core.text import safe_text

#: characters of one thing said or heard, and of all of them
LONGEST, MOST = 200, 2000
#: what is shorter is part of too many innocent words to be masked in them
SHORTEST_SECRET = 4

#: the names of ways to log in, which are no secret (RFC 4422 and what is usual)
_WAYS = (
    r"PLAIN|LOGIN|EXTERNAL|ANONYMOUS|NTLM|GSSAPI|OTP|(?:CRAM|DIGEST|SCRAM|X?OAUTH)\S*"
)
#: commands that log in, perhaps after a tag: POP3, FTP, IMAP, SMTP, Redis, NNTP
_LOGIN = re.compile(
    rf"^(?P<kept>\s*(?:\S+\s+)??(?:(?:AUTH|AUTHENTICATE)(?:\s+(?:{_WAYS})(?=\s|$))?"
    r"|PASS|AUTHINFO\s+PASS|LOGIN|APOP))(?:\s+(?P<secret>.*\S))?\s*$",
    re.IGNORECASE,
)
_ASKS_MORE = re.compile(r"\s*(?:\S+\s+)??(?:AUTH|AUTHENTICATE)\b", re.IGNORECASE)
#: a header or a member of JSON, to the end of the line; then a parameter
_NAME = r"(?:auth|cookie|token|secret|passw|pwd|api[_-]?key)[\w-]{0,40}[\"']?"
_NAMED = re.compile(
    rf"(?P<kept>{_NAME}\s?:\s?)(?P<secret>\S.*\S|\S)|(?P<to>{_NAME}=)(?P<value>[^\s&]+)",
    re.IGNORECASE,
)
#: how servers ask for the next part of a login: SMTP, IMAP and POP3
_GO_ON = ("334", "+")


class Record:
    """What each side said, in order; *secrets* are masked wherever they stand.

    So is what a command that logs in tells, and what follows it for as long as the
    server asks for more.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.turns: list[dict[str, str]] = []
        self._secrets = {one for one in secrets if one}
        self._logging_in = False
        self._left = MOST

    def said(self, data: bytes) -> None:
        """Note what we said."""
        text = data.decode("utf-8", "replace")
        if self._logging_in:
            self._secrets.update(_long_enough(text.split()))
            self._add("said", MASK)
            return
        for secret in _secrets_in(text):
            self._secrets.update(_long_enough([secret, *secret.split()]))
        lines = text.splitlines(keepends=True)
        self._logging_in = any(map(_ASKS_MORE.match, lines))
        self._add("said", "".join(map(_without, lines)))

    def heard(self, data: bytes) -> None:
        """Note what the server said."""
        if not data:
            return
        text = data.decode("utf-8", "replace")
        last = text.rstrip().splitlines()[-1:]
        self._logging_in = self._logging_in and "".join(last).startswith(_GO_ON)
        self._add("heard", text)

    def secured(self, version: str) -> None:
        """Note that TLS began."""
        self._add("secured", version)

    def shown(self, data: bytes, limit: int = LONGEST) -> str:
        """Return what was heard as safe text without secrets."""
        return safe_text(self._masked(data.decode("utf-8", "replace")), limit)

    def _add(self, who: str, text: str) -> None:
        if self._left > 0:
            shown = safe_text(self._masked(text), min(LONGEST, max(self._left, 2)))
            self._left -= len(shown)
            self.turns.append({who: shown})

    def _masked(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text


def _without(line: str) -> str:
    """Return *line* without what logs in."""
    bare = line.rstrip("\r\n")
    login = _LOGIN.match(bare)
    if login and login["secret"]:
        return f"{login['kept']} {MASK}{line[len(bare) :]}"
    return _NAMED.sub(lambda found: f"{found['kept'] or found['to']}{MASK}", line)


def _secrets_in(text: str) -> Iterator[str]:
    for line in text.splitlines():
        login = _LOGIN.match(line)
        if login and login["secret"]:
            yield login["secret"]
        for found in _NAMED.finditer(line):
            yield found["secret"] or found["value"]


def _long_enough(words: Iterable[str]) -> Iterator[str]:
    return (word for word in words if len(word) >= SHORTEST_SECRET)
