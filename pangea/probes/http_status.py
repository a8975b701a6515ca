"""Reads which HTTP statuses are wanted: ``200-299,301,4xx``."""

import re

from pangea.core.errors import UsageError
from pangea.core.text import safe_text

Span = tuple[int, int]

_CODE = re.compile(r"([1-5])xx|([1-5]\d\d)(?:-([1-5]\d\d))?", re.IGNORECASE)


def parse_statuses(given: list[int | str] | int) -> tuple[Span, ...]:
    """Return the spans, both ends included. Raises UsageError."""
    words = given if isinstance(given, list) else [given]
    if not words:
        raise UsageError("http option: expect_status is empty", hint="leave it out")
    return tuple(_span(str(word).strip()) for word in words)


def is_wanted(status: int, spans: tuple[Span, ...]) -> bool:
    """Tell whether *status* lies in one of *spans*."""
    return any(low <= status <= high for low, high in spans)


def is_named(status: int, spans: tuple[Span, ...]) -> bool:
    """Tell whether *status* is wanted by its own code, not as one of a range."""
    return (status, status) in spans


def in_words(spans: tuple[Span, ...]) -> str:
    """Return *spans* as they are written."""
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def _span(word: str) -> Span:
    found = _CODE.fullmatch(word)
    if not found:
        raise UsageError(
            f"http option: expect_status: {safe_text(word, 40)!r} is not a status",
            hint="write codes, ranges and classes: 200-299,301,4xx",
        )
    if found[1]:
        return int(found[1]) * 100, int(found[1]) * 100 + 99
    low, high = int(found[2]), int(found[3] or found[2])
    if high < low:
        raise UsageError(f"http option: expect_status: {word} runs backwards")
    return low, high
