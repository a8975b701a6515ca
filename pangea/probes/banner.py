r"""Searches what a server says for a pattern, in bounded time.

Python's ``re`` can take for ever on some patterns, and nothing can interrupt
it. So the worst cost of a pattern is estimated beforehand: every open repeat
(``*``) may try every length, every choice (``|``, ``?``) doubles the work. The
dearer the pattern, the shorter the text that it is searched in; where hardly
any text would be left, and for repeats inside repeats, it is refused.
"""

import re

from pangea.core.errors import UsageError
from pangea.core.text import safe_text

MAX_HEARD = 4096
MAX_STEPS = 2e7
LEAST_ROOM = 64
#: a repeat of at most so many times is a choice, not an open repeat
_FEW = 8
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|\{secret\}|.)", re.DOTALL)
_PLAIN = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\"}
_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?P[=<]|\(\?:|[()|*+?]|\{\d*,?\d*\}|.", re.DOTALL
)


class Pattern:
    """A regular expression over bytes whose search cannot run away.

    ``room`` is how many bytes are searched. Raises UsageError for a pattern
    that is malformed or too dear; *what* names the option. With *by_line*, ``^``
    and ``$`` match at every line, not only at begin and end.
    """

    def __init__(
        self, text: str, what: str = "expect", *, by_line: bool = False
    ) -> None:
        self.text = text
        flags = re.MULTILINE if by_line else re.NOFLAG
        try:
            self._compiled = re.compile(text.encode(), flags)
        except (re.error, RecursionError, OverflowError) as error:
            said = safe_text(error, 100)
            raise UsageError(f"{what} is not a regular expression: {said}") from error
        cost = _Cost(text)
        steps = MAX_STEPS / 2 ** min(cost.choices, 60)
        self.room = min(MAX_HEARD, int(steps ** (1 / (cost.repeats + 1))))
        if cost.nested or self.room < LEAST_ROOM:
            raise UsageError(
                f"{what} could take for ever: {safe_text(text, 60)!r}",
                hint="use fewer repeats, and none inside another",
            )

    def found_in(self, heard: bytes) -> bool:
        """Tell whether the beginning of *heard* holds the pattern."""
        return self._compiled.search(heard[: self.room]) is not None

    def find(self, heard: bytes) -> int | None:
        """Return where the pattern ends in the beginning of *heard*, else None."""
        found = self._compiled.search(heard[: self.room])
        return found.end() if found else None

    def __str__(self) -> str:
        return safe_text(repr(self.text), 100)


class _Cost:
    """Counts a pattern's open repeats and choices, from left to right."""

    def __init__(self, text: str) -> None:
        self.repeats = self.choices = 0
        self.nested = False
        self._open: list[tuple[int, int]] = []
        self._group: tuple[int, int] | None = None
        for token in _TOKEN.findall(text):
            self._take(token)

    def _take(self, token: str) -> None:
        group, self._group = self._group, None
        if token in ("(", "(?:", "(?P<"):
            self._open.append((self.repeats, self.choices))
        elif token == ")" and self._open:
            self._group = self._open.pop()
        elif token in "|?":
            # Also the mark of lazy repeats: an estimate from above.
            self.choices += 1
        elif token.startswith("(?P=") or re.fullmatch(r"\\[1-9]", token):
            self.repeats += 1
        elif token in "*+" or re.fullmatch(r"\{\d*,?\d*\}", token):
            self._repeat(token, group)

    def _repeat(self, token: str, group: tuple[int, int] | None) -> None:
        low, comma, high = token.strip("{}").partition(",")
        few = token not in "*+" and int((high if comma else low) or _FEW + 1) <= _FEW
        repeats, choices = group or (self.repeats, self.choices)
        inside = self.repeats - repeats, self.choices - choices
        if few:
            times = int(high or low) - 1
            self.repeats += inside[0] * times
            self.choices += inside[1] * times + (2 if comma else 0)
            return
        self.nested = self.nested or inside != (0, 0)
        self.repeats += 1


def unescape(text: str, secret: str = "") -> bytes:
    r"""Return *text* with ``\r \n \t \0 \xNN \\`` replaced, as bytes in UTF-8.

    *secret*, if there is one, stands where the text has ``\{secret}``.
    """
    parts, at = [], 0
    for found in _ESCAPE.finditer(text):
        parts.append(text[at : found.start()].encode())
        known = secret and found[1] == "{secret}"
        parts.append(secret.encode() if known else _byte(found[1]))
        at = found.end()
    return b"".join([*parts, text[at:].encode()])


def _byte(name: str) -> bytes:
    if name == "{secret}":
        said = r"send: \{secret} stands there, but no secret is given"
        raise UsageError(said, hint="give it in the option secret of a tcp probe")
    if len(name) == 3:
        return bytes([int(name[1:], 16)])
    if name not in _PLAIN:
        raise UsageError(
            f"send: unknown escape {safe_text(chr(92) + name)}",
            hint=r"known are \r \n \t \0 \xNN and \\",
        )
    return _PLAIN[name].encode()
