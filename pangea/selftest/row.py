"""What a check of the self-test found, and how it is made."""

import time
from collections.abc import Awaitable, Callable
from typing import Literal

from msgspec import Struct

from pangea.core.text import safe_text

Level = Literal["ok", "fail", "skipped"]
#: No check may take longer, in seconds.
LONGEST_S = 60.0


class Row(Struct, frozen=True):
    """One check: how it went, how long that took, and what was seen."""

    level: Level
    check: str
    took_ms: float
    found: str


class Skipped(Exception):
    """This check makes no sense here; it says why."""


Work = Callable[[], Awaitable[str]]


class Check(Struct, frozen=True):
    """Something to be tried: ``work`` returns what was seen, or raises."""

    name: str
    work: Work


async def tried(check: Check) -> Row:
    """Run a check; whatever it raises is a row, because the others count as well."""
    begun = time.perf_counter()
    level: Level = "ok"
    try:
        found = await check.work()
    except Skipped as why:
        level, found = "skipped", str(why)
    except Exception as error:
        level, found = "fail", f"{type(error).__name__}: {error}"
    took_ms = (time.perf_counter() - begun) * 1000
    return Row(level, check.name, round(took_ms, 1), safe_text(found, 300))
