"""How votes are counted: a job's rule, read from its text and written as one.

The first word is the quorum: ``majority any all``, a number of workers, ``60%`` of
them, or ``2x2``: 2 workers each in 2 regions. Terms follow in any order. What a
job's own rule does not say, the defaults of its organisation say, and then we.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from .durations import parse_duration
from .errors import UsageError
from .options import nearest
from .quorum import Quorum, read_quorum
from .text import safe_text

#: A longer text is no rule.
LONGEST = 300
EXAMPLE = "majority down=2 up=2 latency=500ms"
#: What the quorum may be, for help and errors.
QUORUMS = "majority, any, all, a number of workers, 60% or 2x2 (regions x workers)"


class Rule(Struct, frozen=True):
    """How votes are counted.

    ``down_rounds`` must fail and ``up_rounds`` be good for a change; below
    ``min_voters`` (0: two, or all if there are fewer) there is no new verdict.
    Without ``confirm`` a single voter is believed at once. Above ``latency_ms``,
    ``slower`` times its own median, ``loss_pct``, ``jitter_ms`` or with fewer than
    ``days`` left a good result is a warning. With ``expect_fail`` the target must
    not answer, so that what a sick worker cannot tell is turned round.
    """

    quorum: Quorum = Quorum()
    down_rounds: int = 1
    up_rounds: int = 2
    min_voters: int = 0
    latency_ms: float | None = None
    slower: float | None = None
    loss_pct: float | None = None
    jitter_ms: float | None = None
    days: float | None = None
    confirm: bool = True
    expect_fail: bool = False

    @property
    def warns(self) -> bool:
        """Whether it has thresholds of its own."""
        return self.days is not None or self.times

    @property
    def times(self) -> bool:
        """Whether some of them are timings, which a worker may be too busy for."""
        limits = (self.latency_ms, self.slower, self.loss_pct, self.jitter_ms)
        return any(limit is not None for limit in limits)


class Term(NamedTuple):
    """A term: the field of `Rule` that it sets, how it is read and written."""

    field: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]
    example: str


def _whole(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most):
            raise ValueError(f"a whole number from 1 to {most}")
        return int(text)

    return read


def _number(ending: str, low: float, high: float) -> Callable[[str], float | None]:
    wanted = f"a number of at most {high:g}, like {_plain((low + high) / 2)}{ending}"

    def read(text: str) -> float | None:
        if text == "off":
            return None
        try:
            value = float(text.removesuffix(ending))
        except ValueError:
            raise ValueError(wanted) from None
        if not low < value <= high:
            raise ValueError(wanted)
        return value

    return read


def _milliseconds(text: str) -> float | None:
    if text == "off":
        return None
    if text.replace(".", "", 1).isdigit():
        raise ValueError(f"a unit: say {text}ms or {text}s")
    try:
        seconds = parse_duration(text)
    except UsageError:
        raise ValueError("a duration like 500ms or 2s") from None
    if not 0 < seconds <= 3600:
        raise ValueError("a duration up to an hour, like 500ms")
    return round(seconds * 1000, 6)


def _switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError("on or off")
    return text == "on"


def _plain(value: float) -> str:
    """Return a number without an empty fraction."""
    return str(int(value)) if value == int(value) else repr(value)


def _written(ending: str) -> Callable[[Any], str]:
    return lambda value: "off" if value is None else _plain(value) + ending


TERMS = {
    "down": Term("down_rounds", _whole(100), str, "2"),
    "up": Term("up_rounds", _whole(100), str, "2"),
    "min_voters": Term("min_voters", _whole(1000), str, "2"),
    "latency": Term("latency_ms", _milliseconds, _written("ms"), "500ms"),
    "slower": Term("slower", _number("x", 1, 1000), _written("x"), "3x"),
    "loss": Term("loss_pct", _number("%", 0, 100), _written("%"), "10%"),
    "jitter": Term("jitter_ms", _milliseconds, _written("ms"), "20ms"),
    "days": Term("days", _number("", 0, 10_000), _written(""), "14"),
    "confirm": Term("confirm", _switch, lambda on: "on" if on else "off", "off"),
}


def parse_rule(text: str, defaults: str = "", base: Rule | None = None) -> Rule:
    """Return the rule that *text* means, over *defaults*, over *base*.

    Raises UsageError, which names the wrong term, the nearest one and an example.
    """
    said = {**_terms(defaults), **_terms(text)}
    return Rule(**{**(_fields(base) if base else {}), **said})


def canonical(text: str) -> str:
    """Return *text* as we write it: quorum first, terms in order."""
    return _line(_terms(text))


@functools.lru_cache(maxsize=256)
def format_rule(rule: Rule) -> str:
    """Return *rule* as text: its quorum, and what differs from the usual."""
    usual = _fields(Rule())
    said = {k: v for k, v in _fields(rule).items() if v != usual[k]}
    return _line({**said, "quorum": rule.quorum})


def _fields(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in rule.__struct_fields__}


def _line(said: Mapping[str, Any]) -> str:
    words = [str(said["quorum"])] if "quorum" in said else []
    words += [
        f"{name}={term.write(said[term.field])}"
        for name, term in TERMS.items()
        if term.field in said
    ]
    return " ".join(words)


@functools.lru_cache(maxsize=4096)
def _terms(text: str) -> Mapping[str, Any]:
    """Return the fields that *text* sets."""
    if len(text) > LONGEST:
        raise UsageError(f"a rule of {len(text)} characters is too long")
    said: dict[str, Any] = {}
    for place, word in enumerate(text.split()):
        name, equals, value = word.partition("=")
        if not equals and place == 0:
            said["quorum"] = _quorum(word)
            continue
        field, read = _read(name, equals, value)
        if field in said:
            raise UsageError(f"the rule says {name} twice", hint=_example())
        said[field] = read
    return said


def _quorum(word: str) -> Quorum:
    quorum = read_quorum(word)
    if quorum is None:
        hint = f"use {QUORUMS}, such as: {EXAMPLE}"
        if word in TERMS:
            hint = f"write {word}={TERMS[word].example}, such as: {EXAMPLE}"
        raise UsageError(f"unknown rule {safe_text(word, 60)!r}", hint=hint)
    return quorum


def _read(name: str, equals: str, value: str) -> tuple[str, Any]:
    """Return the field of a term and its value."""
    shown = safe_text(name, 60)
    if name not in TERMS:
        if not equals and read_quorum(name):
            said = f"{shown!r} comes first in a rule, once"
            raise UsageError(said, hint=f"{shown} down=2")
        said = f"unknown term {shown!r} in the rule"
        raise UsageError(said, hint=f"{nearest(name, TERMS)} {_example()}")
    term = TERMS[name]
    try:
        return term.field, term.read(value)
    except ValueError as error:
        said = f"{shown}={safe_text(value, 60)} in the rule: {shown} wants {error}"
        raise UsageError(said, hint=f"{name}={term.example}") from None


def _example() -> str:
    return f"a rule looks like: {EXAMPLE}"
