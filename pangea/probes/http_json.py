"""A small language for what a JSON answer must say: ``$.disks[0].free >= 10``."""

import operator
import re
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import msgspec

from pangea.core.errors import UsageError
from pangea.core.failure import ProbeFailed
from pangea.core.text import safe_text

#: a longer document takes too much time and memory to read
MAX_DOCUMENT = 4 * 1024 * 1024
MAX_LENGTH = 1000
MAX_STEPS = 32
_MISSING: Any = object()
_STEP = re.compile(
    r"""\.([A-Za-z_][\w-]*)|\[(-?\d{1,6})\]|\[("(?:[^"\\]|\\.)*"|'[^']*')\]"""
)
_WORD = re.compile(r"\s*(not\b|[A-Za-z]+|[=!<>~]+|\S)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_KNOWN = "known are == != < <= > >=, contains, exists, len and a comparison, not"
_ORDERED = {"a number", "text"}


class Expression(NamedTuple):
    """One demand: *path* and what must be true of the value there.

    ``operator`` is a comparison, ``contains`` or ``exists``; with ``length`` it is
    asked of the number of characters, members or keys; ``negated`` turns it round.
    """

    text: str
    path: str
    steps: tuple[str | int, ...]
    operator: str
    literal: Any
    length: bool
    negated: bool

    def complaint(self, document: Any) -> str:
        """Return what is wrong with *document*, got and wanted; "" if nothing is."""
        value = find(document, self.steps)
        if self.operator == "exists":
            found = value is not _MISSING
            told = f"is there: {_show(value)}" if found else "is missing"
            return "" if found != self.negated else f"{self.path} {told}"
        if value is _MISSING:
            return f"{self.path} is missing, wanted {self._wanted()}"
        if self.length:
            if not isinstance(value, (str, list, dict)):
                return f"{self.path} is {_show(value)}, which has no length"
            value = len(value)
        if self._holds(value) != self.negated:
            return ""
        what = "has the length" if self.length else "is"
        return f"{self.path} {what} {_show(value)}, wanted {self._wanted()}"

    def _holds(self, value: Any) -> bool:
        if self.operator == "contains":
            return _contains(value, self.literal)
        if self.operator in ("==", "!="):
            return _same(value, self.literal) == (self.operator == "==")
        kind = _kind(value)
        if kind != _kind(self.literal):
            return False
        return _COMPARE[self.operator](value, self.literal)

    def _wanted(self) -> str:
        words = ["not"] * self.negated + ["len"] * self.length
        return " ".join([*words, self.operator, _show(self.literal)])


def parse_expression(text: str, where: str) -> Expression:
    """Return what *text* demands; UsageError says where it cannot be read.

    ``$.a["b c"][0] == "x"``, ``$.list len >= 3``, ``$.error not exists``.
    """
    return _Reader(text.strip(), where).read()


def read_document(body: bytes | bytearray) -> Any:
    """Return the JSON in *body*. Raises ProbeFailed ``body`` or ``too_large``."""
    if len(body) > MAX_DOCUMENT:
        detail = f"the JSON is larger than {MAX_DOCUMENT} bytes and is not read"
        raise ProbeFailed("too_large", detail)
    try:
        return msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError) as error:
        said = safe_text(error, 100)
        raise ProbeFailed("body", f"the body is not JSON: {said}") from error


def find(document: Any, steps: tuple[str | int, ...]) -> Any:
    """Return the value that *steps* lead to, or a mark that there is none."""
    for step in steps:
        if isinstance(step, str):
            found = isinstance(document, dict) and step in document
        else:
            found = isinstance(document, list)
            found = found and -len(document) <= step < len(document)
        if not found:
            return _MISSING
        document = document[step]
    return document


class _Reader:
    """Reads one expression from left to right."""

    def __init__(self, text: str, where: str) -> None:
        self._text, self._where, self._at = text, where, 0

    def read(self) -> Expression:
        text = self._text
        if len(text) > MAX_LENGTH:
            self._refuse(f"it is longer than {MAX_LENGTH} characters")
        if not text.startswith("$"):
            self._refuse("wanted a path", 'write it like $.status == "ok"')
        steps = self._steps()
        path = text[: self._at]
        negated, length, word = False, False, self._word()
        if word == "not":
            negated, word = True, self._word()
        if word == "len":
            length, word = True, self._word()
        if word not in {*_COMPARE, "==", "!=", "contains", "exists"}:
            self._at -= len(word)
            shown = safe_text(repr(word), 40) if word else "the end"
            self._refuse(f"{shown} is not an operator", _KNOWN)
        if length and word in ("contains", "exists"):
            self._refuse("len wants a comparison", "write it like $.list len >= 3")
        literal = self._literal(word, length)
        return Expression(text, path, steps, word, literal, length, negated)

    def _steps(self) -> tuple[str | int, ...]:
        steps: list[str | int] = []
        self._at = 1
        while found := _STEP.match(self._text, self._at):
            name, index, quoted = found.groups()
            steps.append(name or (int(index) if index else self._quoted(quoted)))
            self._at = found.end()
        if self._at < len(self._text) and not self._text[self._at].isspace():
            hint = 'steps are .name, ["any name"] and [0]; then a space and an operator'
            if self._text[self._at] not in "=!<>":
                self._refuse("the path cannot be read", hint)
        if len(steps) > MAX_STEPS:
            self._refuse(f"the path has more than {MAX_STEPS} steps")
        return tuple(steps)

    def _quoted(self, text: str) -> str:
        value = self._value(text)
        return value if isinstance(value, str) else text

    def _word(self) -> str:
        found = _WORD.match(self._text, self._at)
        if not found:
            return ""
        self._at = found.end()
        return found[1]

    def _literal(self, word: str, length: bool) -> Any:
        rest = self._text[self._at :].strip()
        self._at = len(self._text) - len(self._text[self._at :].lstrip())
        if word == "exists":
            if rest:
                self._refuse("nothing may follow exists")
            return None
        literal = self._value(rest)
        kind = _kind(literal)
        if length and kind != "a number":
            self._refuse("a length is compared with a number")
        if word in _COMPARE and kind not in _ORDERED:
            self._refuse(f"{word} wants a number or a text")
        return literal

    def _value(self, text: str) -> Any:
        if len(text) > 1 and text[0] == text[-1] == "'" and "'" not in text[1:-1]:
            return text[1:-1]
        try:
            return msgspec.json.decode(text.encode())
        except (ValueError, RecursionError):
            hint = 'texts stand in quotes: "ok"; else a number, true, false or null'
            shown = safe_text(repr(text), 40) if text else "the end"
            self._refuse(f"{shown} is not a value", hint)

    def _refuse(self, why: str, hint: str = "") -> NoReturn:
        shown = safe_text(self._text, 80)
        where = f"{self._where}: {shown!r}: at character {self._at + 1}"
        raise UsageError(f"{where}: {why}", hint=hint)


def _kind(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "a word"
    if isinstance(value, (int, float)):
        return "a number"
    return "text" if isinstance(value, str) else "a structure"


def _same(value: Any, wanted: Any) -> bool:
    # Python takes True for 1; JSON does not.
    return _kind(value) == _kind(wanted) and bool(value == wanted)


def _contains(value: Any, wanted: Any) -> bool:
    if isinstance(value, str):
        return isinstance(wanted, str) and wanted in value
    if isinstance(value, dict):
        return isinstance(wanted, str) and wanted in value
    return isinstance(value, list) and any(_same(one, wanted) for one in value)


def _show(value: Any) -> str:
    """Return *value* as JSON, a structure by its size only."""
    if isinstance(value, (list, dict)) and value:
        kind = "a list" if isinstance(value, list) else "an object"
        return f"{kind} of {len(value)}"
    if isinstance(value, str):
        value = value[:200]
    return safe_text(msgspec.json.encode(value), 100)
