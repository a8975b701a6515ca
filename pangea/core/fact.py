"""What readings say, as facts for people: each a name with a line or more."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import replace

from .durations import milliseconds
from .text import safe_text

#: So much of what is outside is shown; the whole is in the result itself.
LONGEST = 500
MOST_LINES = 100
MOST_FACTS = 60
DEEPEST = 3

#: A larger number is no measurement.
_MOST = 1e18

Scalar = str | int | float | bool


class Fact(Struct, frozen=True):
    """A fact; its texts are safe.

    ``columns``: the lines stand in columns and are not to be wrapped. ``tone`` is
    the verdict whose colour it has, "" for none.
    """

    name: str
    lines: tuple[str, ...]
    columns: bool = False
    tone: str = ""


#: Facts that belong together.
Part = list[Fact]


class Readings:
    """The readings of a result, taken one by one; what nobody took is left.

    They come from workers of any version: a value of another kind than expected
    is not taken, so that it is shown as it is.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._left = dict(values)

    @property
    def left(self) -> dict[str, Any]:
        """What has not been taken."""
        return self._left

    def text(self, name: str) -> str:
        """Take a text or number as safe text, "" if there is none."""
        value = self._left.get(name)
        if value is None or not isinstance(value, str | int | float):
            return ""
        del self._left[name]
        return scalar(name, value)

    def number(self, name: str) -> float | None:
        """Take a finite number, None if there is none."""
        value = self._left.get(name)
        if not isinstance(value, int | float) or not is_number(value):
            return None
        del self._left[name]
        return value

    def flag(self, name: str) -> bool | None:
        """Take a yes or no, None if there is neither."""
        value = self._left.get(name)
        if not isinstance(value, bool):
            return None
        del self._left[name]
        return value

    def texts(self, name: str) -> list[str]:
        """Take a list of texts or numbers, each safe; [] if there is none."""
        value = self._left.get(name)
        if not isinstance(value, list | tuple):
            return []
        if not all(isinstance(one, str | int | float) for one in value):
            return []
        del self._left[name]
        return cut([safe_text(one, LONGEST) for one in value[: MOST_LINES + 1]], value)

    def numbers(self, name: str) -> list[float | None]:
        """Take a list of numbers, in which None is one that never came."""
        value = self._left.get(name)
        if not isinstance(value, list | tuple):
            return []
        if not all(one is None or is_number(one) for one in value):
            return []
        del self._left[name]
        return list(value)

    def tables(self, name: str) -> list[Self]:
        """Take a list of tables; [] if there is none."""
        value = self._left.get(name)
        if not isinstance(value, list | tuple):
            return []
        if not all(isinstance(one, Mapping) for one in value):
            return []
        del self._left[name]
        return [type(self)(one) for one in value[:MOST_LINES]]

    def table(self, name: str) -> Self | None:
        """Take a table, None if there is none."""
        value = self._left.get(name)
        if not isinstance(value, Mapping):
            return None
        del self._left[name]
        return type(self)(value)

    def skip(self, *names: str) -> None:
        """Take what is told elsewhere."""
        for name in names:
            self._left.pop(name, None)


def part(*facts: Fact | None) -> Part:
    """Return the facts that have something to say."""
    return [fact for fact in facts if fact is not None and any(fact.lines)]


def fact(name: str, *said: str, tone: str = "") -> Fact:
    """Return a fact of one line: what is *said*, joined by commas."""
    return Fact(name, (", ".join(one for one in said if one),), tone=tone)


def plain_facts(values: Mapping[str, Any]) -> Part:
    """Return readings that no view knows as tidy facts."""
    names = list(values)[:MOST_FACTS]
    return part(*(_plain(str(name), values[name]) for name in names))


def under(name: str, said: str, parts: list[Part], left: Readings) -> Part:
    """Return *parts* as one, below a fact that names what they are of.

    What no view took of *left* comes last.
    """
    inner = [one for one_part in [*parts, plain_facts(left.left)] for one in one_part]
    if not said and not inner:
        return []
    return [
        Fact(name, (said or "-",)),
        *(replace(one, name=f"  {one.name}") for one in inner),
    ]


def in_columns(rows: Sequence[Sequence[str]], right: str = "") -> tuple[str, ...]:
    """Return *rows* of safe cells as aligned lines.

    *right* has a letter a column: ``r`` aligns it to the right.
    """
    if not rows:
        return ()
    wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    sides = right.ljust(len(wide), "l")
    return tuple(
        "  ".join(
            cell.rjust(width) if side == "r" else cell.ljust(width)
            for cell, width, side in zip(row, wide, sides, strict=False)
        ).rstrip()
        for row in rows
    )


def scalar(name: str, value: Scalar) -> str:
    """Return one value in words; the end of its *name* tells the unit."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return safe_text(value, LONGEST)
    for ending, words in _UNITS.items():
        if name.endswith(ending) and is_number(value):
            return words(value)
    return f"{value:.6g}" if isinstance(value, float) else safe_text(value, 40)


def is_number(value: Any) -> bool:
    """Tell whether *value* is a number that can be calculated with."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -_MOST <= value <= _MOST


def size(count: float) -> str:
    """Return bytes for people: ``812 bytes``, ``12.3 kB``."""
    if count < 1000:
        return "1 byte" if count == 1 else f"{count:.0f} bytes"
    value, unit = count / 1000, "kB"
    for bigger in ("MB", "GB"):
        if value >= 999.5:
            value, unit = value / 1000, bigger
    return f"{value:.3g} {unit}"


def cut(shown: list[str], whole: Sequence[Any]) -> list[str]:
    """Return *shown* with a last line that says what it leaves out of *whole*."""
    if len(whole) <= MOST_LINES:
        return shown
    return [*shown[:MOST_LINES], f"… and {len(whole) - MOST_LINES} more"]


def _plain(name: str, value: Any) -> Fact | None:
    if value is None or value in ("", [], {}):
        return None
    return Fact(_title(name), tuple(_lines(name, value)))


def _title(name: str) -> str:
    for ending in _UNITS:
        name = name.removesuffix(ending)
    return safe_text(name.replace("_", " ").strip(), 40)


def _lines(name: str, value: Any, depth: int = 0) -> list[str]:
    if isinstance(value, str | int | float):
        return [scalar(name, value)]
    if depth >= DEEPEST:
        return ["…"]
    if isinstance(value, Mapping):
        pairs = list(value.items())[:MOST_LINES]
        return cut([_pair(str(k), v, depth) for k, v in pairs], list(value))
    if not isinstance(value, list | tuple):
        return [safe_text(value, LONGEST)]
    if all(isinstance(one, int | float) or one is None for one in value):
        return [", ".join(_inner(name, one, depth) for one in value[:MOST_LINES])]
    return cut([_inner(name, one, depth) for one in value[:MOST_LINES]], value)


def _pair(name: str, value: Any, depth: int) -> str:
    return f"{_title(name)} {_inner(name, value, depth)}".rstrip()


def _inner(name: str, value: Any, depth: int) -> str:
    if value is None:
        return "-"
    joined = ", ".join(_lines(name, value, depth + 1))
    return joined if len(joined) <= LONGEST else joined[: LONGEST - 1] + "…"


def _microseconds(value: float) -> str:
    return f"{value:.6g} µs"


def _seconds(value: float) -> str:
    return f"{value:.6g} s"


def _percent(value: float) -> str:
    return f"{value:.4g} %"


_UNITS: dict[str, Callable[[float], str]] = {
    "_ms": milliseconds,
    "_us": _microseconds,
    "_s": _seconds,
    "_pct": _percent,
    "_bytes": size,
}
