"""Durations as people write them: ``500ms 30s 5m 1h30m 1d``."""

import math
import re

from .errors import UsageError

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|[smhdw])")


class Seconds(float):
    """A float of seconds that configuration may give as ``"1h30m"``."""


def parse_duration(text: str) -> Seconds:
    """Return the seconds in *text*; a bare number means seconds.

    Raises UsageError for anything else, negative and infinite included.
    """
    compact = text.strip().lower().replace(" ", "")
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", compact):
        return _finite(float(compact), text)
    if not compact or _PART.sub("", compact):
        raise UsageError(
            f"{text!r} is not a duration", hint="write it like 500ms, 30s, 5m or 1h30m"
        )
    parts = _PART.findall(compact)
    return _finite(sum(float(number) * UNITS[unit] for number, unit in parts), text)


def _finite(seconds: float, text: str) -> Seconds:
    if not math.isfinite(seconds) or seconds > 100 * 365 * UNITS["d"]:
        raise UsageError(f"{text!r} is too long for a duration")
    return Seconds(seconds)


def format_duration(seconds: float) -> str:
    """Return a short form, rounded to two units: ``1h30m``, ``250ms``, ``30s``."""
    if seconds < 0:
        return "-" + format_duration(-seconds)
    if seconds < 1e-6:
        return "0s"
    # The limits are those of the rounding: never 1e+03ms, never 60s.
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g}ms"
    if seconds < 59.95:
        return f"{seconds:.3g}s"
    rest, words = round(seconds), []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            words.append(f"{count}{unit}")
    return "".join(words[:2])


def clock_words(ahead_s: float, whose: str = "") -> str:
    """Return in words how a clock goes that is *ahead_s* ahead; negative: behind.

    *whose* clock it is held against, if that is to be said: ``3h ahead of hel-1``.
    """
    by = format_duration(abs(ahead_s))
    if ahead_s > 0:
        return f"{by} ahead of {whose}" if whose else f"{by} ahead"
    return f"{by} behind {whose}" if whose else f"{by} behind"


def milliseconds(value: float) -> str:
    """Return milliseconds as people read them: ``0.042 ms``, ``12.3 ms``, ``1.21 s``.

    Three digits are enough, and hardly anything is finer than a microsecond.
    """
    if 0 < abs(value) < 0.0005:
        return f"{value * 1000:.2g} µs"
    if abs(value) >= 999.5:
        return f"{value / 1000:.2f} s"
    if abs(value) >= 99.95:
        return f"{value:.0f} ms"
    return f"{round(value, 3) + 0.0:.3g} ms"
