"""Strict reading of what people write: an unknown name is an error that helps."""

import difflib
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from .durations import Seconds, parse_duration
from .errors import UsageError

T = TypeVar("T", bound=msgspec.Struct)


def build(shape: type[T], values: Mapping[str, Any], where: str) -> T:
    """Return *values* as a *shape*; every fault names the key and the way out.

    Text is converted to what the field wants: ``"5"`` to a number, ``"30s"`` to
    Seconds, ``"200,204"`` to a list. *where* begins the message, such as
    ``"http option"``. Raises UsageError.
    """
    known = [f.encode_name for f in msgspec.structs.fields(shape)]
    for key in values:
        if key not in known:
            raise UsageError(f"{where}: unknown {key!r}", hint=nearest(key, known))
    hints = get_type_hints(shape)
    names = {f.encode_name: f.name for f in msgspec.structs.fields(shape)}
    given = {k: _split(v, hints[names[k]]) for k, v in values.items()}
    try:
        return msgspec.convert(given, shape, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise UsageError(f"{where}: {_in_words(error)}") from error


def nearest(word: str, known: list[str]) -> str:
    """Return a hint with the known name closest to *word*, or with all of them."""
    close = difflib.get_close_matches(word, known, 1, 0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known are: {', '.join(sorted(known))}" if known else "there are none"


def _split(value: Any, hint: Any) -> Any:
    """Let one text stand for a list where a list is wanted."""
    if isinstance(value, str) and _wants_list(hint):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _wants_list(hint: Any) -> bool:
    candidates = (hint, *get_args(hint))
    return any(get_origin(c) in (tuple, list) for c in candidates)


def _decode(kind: type, value: Any) -> Any:
    if kind is Seconds:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValueError(f"wanted a duration such as 30s, got {value!r}")
        try:
            return parse_duration(str(value))
        except UsageError as error:
            raise ValueError(str(error)) from error
    raise NotImplementedError(kind)


def _in_words(error: msgspec.ValidationError) -> str:
    """Turn ``Expected `int`, got `str` - at `$.count` `` into ``count: …``."""
    text, _, path = str(error).partition(" - at `$.")
    text = text.replace("`", "")
    return f"{path.rstrip('`')}: {text}" if path else text
