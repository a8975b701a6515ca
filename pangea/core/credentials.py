"""Headers that people put credentials into: found by name, hidden by value. Pure.

Headers are a table, a list of lines ``Name: value``, or such lines in one text with
commas between them; a piece without a name belongs to the line before it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

#: What stands in the place of a secret in answers.
MASK = "********"
_TELLING = re.compile(r"auth|cookie|token|key|secret|passw|session|signature", re.I)
_LINE = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*(.*)", re.DOTALL)


def sounds_secret(name: str) -> bool:
    """Tell whether the value of a header of that *name* may let somebody in."""
    return bool(_TELLING.search(name))


def secret_lines(lines: Sequence[Any]) -> list[bool]:
    """Tell of each of *lines* whether it is part of a credential."""
    found, secret = list[bool](), False
    for line in lines:
        named = _LINE.match(str(line))
        secret = sounds_secret(named[1]) if named else secret
        found.append(secret)
    return found


def has_credentials(headers: Any) -> bool:
    """Tell whether one of *headers* sounds like a credential."""
    if isinstance(headers, Mapping):
        return any(sounds_secret(str(name)) for name in headers)
    return any(secret_lines(_lines(headers)))


def veiled(headers: Any) -> Any:
    """Return *headers* with the credentials masked, as anybody may see them."""
    if isinstance(headers, Mapping):
        return {
            n: MASK if sounds_secret(str(n)) and v else v for n, v in headers.items()
        }
    if not has_credentials(headers):
        return headers
    lines = list(_veiled(_lines(headers)))
    return ",".join(lines) if isinstance(headers, str) else lines


def _veiled(lines: Sequence[Any]) -> Iterator[Any]:
    for line, secret in zip(lines, secret_lines(lines), strict=True):
        named = _LINE.match(str(line))
        if not secret:
            yield line
        elif named:
            yield f"{named[1]}: {MASK}"


def unveiled(old: Any, new: Any) -> Any:
    """Return *new* headers, where they hold a mask with what *old* has there.

    A mask that hides nothing is left out, as is one of a header that is new.
    """
    if isinstance(new, Mapping):
        kept = {n: _kept(old, str(n)) if v == MASK else v for n, v in new.items()}
        return {n: v for n, v in kept.items() if v is not None or new[n] is None}
    if MASK not in str(new):
        return new
    lines = list(_unveiled(old, _lines(new)))
    return ",".join(lines) if isinstance(new, str) else lines


def _unveiled(old: Any, lines: Sequence[Any]) -> Iterator[Any]:
    for line in lines:
        named = _LINE.match(str(line))
        if named is None or named[2].strip() != MASK:
            yield line
        elif (value := _kept(old, named[1])) is not None:
            yield f"{named[1]}: {value}"


def _kept(headers: Any, name: str) -> Any:
    """Return the value of the header *name*, however it is written; else None."""
    if isinstance(headers, Mapping):
        found = (v for n, v in headers.items() if str(n).lower() == name.lower())
        return next(found, None)
    value: str | None = None
    for line in _lines(headers):
        named = _LINE.match(str(line))
        if named is None and value is not None:
            value += f", {str(line).strip()}"
        elif value is not None:
            break
        elif named is not None and named[1].lower() == name.lower():
            value = named[2]
    return value


def _lines(headers: Any) -> Sequence[Any]:
    if isinstance(headers, str):
        return headers.split(",")
    return headers if isinstance(headers, (list, tuple)) else ()
