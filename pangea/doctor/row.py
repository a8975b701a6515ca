"""What a check found."""

from typing import Literal

from msgspec import Struct

Level = Literal["ok", "warn", "fail", "skipped"]


class Row(Struct, frozen=True):
    """One check: how it is, what was seen, and what a person should do (``next``)."""

    level: Level
    check: str
    found: str
    next: str = ""


def ok(check: str, found: str) -> Row:
    """Return a row for what is as it should be."""
    return Row("ok", check, found)


def warn(check: str, found: str, next: str) -> Row:
    """Return a row for what works, but not well or not for long."""
    return Row("warn", check, found, next)


def fail(check: str, found: str, next: str) -> Row:
    """Return a row for what does not work."""
    return Row("fail", check, found, next)


def skipped(check: str, why: str) -> Row:
    """Return a row for what was not looked at."""
    return Row("skipped", check, why)
