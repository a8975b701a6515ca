"""Holds a dialogue with a server: listens for what is wanted, says the next thing."""

import asyncio
from collections.abc import Sequence
from typing import Literal, NamedTuple

from pangea.core.errors import UsageError
from pangea.core.failure import ProbeFailed
from pangea.core.text import safe_text

from .banner import MAX_HEARD, Pattern, unescape
from .dialogue_record import Record
from .wire import Stream

MAX_STEPS = 20
#: searches after which it is searched again only when an eighth more was heard
MANY_SEARCHES = 32

Kind = Literal["expect", "send", "starttls"]


class Step(NamedTuple):
    """One step: *pattern* to hear, or *data* to send, or the change to TLS."""

    kind: Kind
    pattern: Pattern | None = None
    data: bytes = b""


def parse_steps(texts: Sequence[str], secret: str = "") -> tuple[Step, ...]:
    """Return the steps ``expect REGEX``, ``send TEXT`` and ``starttls``.

    Patterns are searched line by line: ``^`` and ``$`` match at every line. *secret*
    is for ``unescape``. Raises UsageError.
    """
    steps = tuple(_parse(text, secret) for text in texts)
    if [step.kind for step in steps].count("starttls") > 1:
        raise UsageError("dialogue: starttls can be done once only")
    return steps


def _parse(text: str, secret: str) -> Step:
    word, _, rest = text.partition(" ")
    match word, rest:
        case "expect", str(regex) if regex:
            return Step("expect", Pattern(regex, "dialogue: expect", by_line=True))
        case "send", str(said) if said:
            return Step("send", data=unescape(said, secret))
        case "starttls", "":
            return Step("starttls")
    raise UsageError(
        f"dialogue: {safe_text(text, 60)!r} is no step",
        hint=r"steps are 'expect REGEX', 'send TEXT\r\n' and 'starttls'",
    )


class Dialogue:
    """What is said on one connection; ``heard`` is what the last step heard.

    *record* is kept of it, and knows what must not be told.
    """

    def __init__(
        self, stream: Stream, quiet_s: float, record: Record | None = None
    ) -> None:
        self.record = record or Record()
        self._stream, self._quiet_s = stream, quiet_s
        self._unread = self._untold = b""
        self._in_lines = self._mid_line = False
        self.heard = b""

    def say(self, data: bytes) -> None:
        """Send *data*."""
        self.record.said(data)
        self._stream.write(data)

    async def expect(self, pattern: Pattern) -> None:
        """Listen until *pattern* is found; what follows it is for the next step.

        Once the server has said something, silence means that it has said it
        all. Raises ProbeFailed ``banner`` with what was heard.
        """
        try:
            await self._expect(pattern)
        finally:
            self._tell()

    async def _expect(self, pattern: Pattern) -> None:
        fresh = bool(self._after_line(self._unread))
        searches, due, why = 0, 0, ""
        while True:
            self.heard = self._unread
            if why or len(self._unread) >= due:
                end = pattern.find(self._unread)
                if end is not None:
                    self._consume(end)
                    return
                searches += 1
                due = len(self._unread) * 9 // 8 if searches > MANY_SEARCHES else 0
            if why or len(self._unread) >= MAX_HEARD:
                raise ProbeFailed("banner", f"{self._got()}{why}, wanted {pattern}")
            why = await self._hear(fresh)
            fresh = True

    async def be_ready_for_tls(self) -> None:
        """Return when the server's last answer is over.

        Raises ProbeFailed ``protocol`` if it says more: that would be taken for
        something said within TLS (CVE-2011-0411).
        """
        while self._in_lines and self._mid_line and b"\n" not in self._unread:
            if len(self._unread) >= MAX_HEARD or await self._hear(quiet=True):
                break
        self._tell()
        more = self._after_line(self._unread) if self._mid_line else self._unread
        if more:
            begin = self.record.shown(more, 100)
            said = f"{len(more)} bytes before TLS: {begin!r}"
            raise ProbeFailed("protocol", f"the server sent {said}")

    async def _hear(self, quiet: bool) -> str:
        """Take in more; if there is no more, return why."""
        try:
            # Not the probe's timeout: how long a server may think in the middle.
            async with asyncio.timeout(self._quiet_s if quiet else None):
                data = await self._stream.read()
        except TimeoutError:
            return f", then nothing for {self._quiet_s:g} s"
        if not data:
            return ", then the end"
        self._in_lines = self._in_lines or b"\n" in data
        self._unread = (self._unread + data)[:MAX_HEARD]
        self._untold = (self._untold + data)[:MAX_HEARD]
        return ""

    def _tell(self) -> None:
        """Note what has come, in one piece, so that a secret in it is found."""
        self.record.heard(self._untold)
        self._untold = b""

    def _consume(self, end: int) -> None:
        if end:
            self._mid_line = self._unread[end - 1 : end] != b"\n"
        self._unread = self._unread[end:]

    def _after_line(self, text: bytes) -> bytes:
        """Return what comes after the line that the last step was found in."""
        if not self._mid_line or not self._in_lines:
            return text
        return text.partition(b"\n")[2]

    def _got(self) -> str:
        if not self.heard:
            return "got nothing"
        return f"got {self.record.shown(self.heard, 100)!r}"
