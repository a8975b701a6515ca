"""Escalations as people write them: ``15m=oncall,boss 1h=chief``, here as there."""

from collections.abc import Iterable, Sequence

from .durations import format_duration, parse_duration
from .errors import UsageError


def parse_escalations(text: str) -> list[tuple[float, list[str]]]:
    """Return what *text* says: after so many seconds these channels, step by step.

    Commas, plus signs and blanks part channels, and steps as well: each step begins
    with its time. Raises UsageError.
    """
    found: list[tuple[float, list[str]]] = []
    for word in text.replace(",", " ").replace("+", " ").split():
        after, equals, name = word.partition("=")
        if equals:
            found.append((float(parse_duration(after)), []))
        elif not found:
            raise _wrong(word)
        if name or not equals:
            found[-1][1].append(name or word)
    if any(not names for _, names in found):
        raise _wrong(text)
    return found


def write_escalations(steps: Iterable[tuple[float, Sequence[str]]]) -> str:
    """Return *steps* as ``parse_escalations`` reads them."""
    return " ".join(
        f"{_written(after_s)}={','.join(names)}" for after_s, names in steps if names
    )


def _written(seconds: float) -> str:
    """Return a duration in few letters, if that is exact."""
    short = format_duration(seconds)
    return short if parse_duration(short) == seconds else f"{seconds:.3f}s"


def _wrong(text: str) -> UsageError:
    return UsageError(
        f"{text[:60]!r} is no escalation", hint="write it like 15m=oncall,boss"
    )
