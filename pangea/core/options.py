"""Strict reading of what people write: an unknown name is an error that helps."""

import difflib
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import (
    Annotated,
    Any,
    Literal,
    TypeGuard,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from .credentials import MASK as MASK
from .credentials import unveiled, veiled
from .durations import Seconds, parse_duration
from .errors import UsageError
from .text import safe_text

T = TypeVar("T", bound=msgspec.Struct)

#: The type of an option that is a password, a token or a key: sealed where it is
#: stored, and masked wherever it is shown.
SecretText = Annotated[str, msgspec.Meta(extra={"secret": True})]

#: msgspec's names of kinds, in the words of people who write TOML.
_KINDS = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "null": "nothing",
    "object": "a table",
    "str": "text",
}


def build(shape: type[T], values: Mapping[str, Any], where: str) -> T:
    """Return *values* as a *shape*; every fault names the key and the way out.

    Text is converted to what the field wants: ``"5"`` to a number, ``"30s"`` to
    Seconds, ``"200,204"`` to a list; structs may hold structs. *where* begins
    the message, such as ``"http option"``. Raises UsageError, the first fault.
    """
    for fault in faults(shape, values, where):
        raise fault
    return _convert(values, shape, where)


def faults(
    shape: type[msgspec.Struct], values: Mapping[str, Any], where: str
) -> Iterator[UsageError]:
    """Yield all that is wrong with *values* as a *shape*, in the order written.

    A struct's own rules (``__post_init__``) are asked only where each of its
    keys is right by itself.
    """
    hints, fields = _hints(shape), _fields(shape)
    names = {f.encode_name: f.name for f in fields}
    good = True
    for key, value in values.items():
        if key not in names:
            said = f"{where}: unknown {safe_text(key, 60)!r}"
            found = [UsageError(said, hint=nearest(key, names))]
        else:
            found = list(_value_faults(hints[names[key]], value, where, key))
        good = good and not found
        yield from found
    if good:
        try:
            _convert(values, shape, where)
        except UsageError as fault:
            yield fault


@functools.lru_cache(maxsize=64)
def secret_names(shape: type[msgspec.Struct]) -> frozenset[str]:
    """Return the options of *shape* that are secret."""
    hints = get_type_hints(shape, include_extras=True)
    return frozenset(
        f.encode_name
        for f in _fields(shape)
        if any(map(_is_secret, (hints[f.name], *get_args(hints[f.name]))))
    )


def _is_secret(hint: Any) -> bool:
    """Tell whether *hint* is SecretText, also one with bounds of its own."""
    marks = (m.extra for m in getattr(hint, "__metadata__", ()) if hasattr(m, "extra"))
    return any(extra and extra.get("secret") for extra in marks)


def masked(shape: type[msgspec.Struct], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return *values* with the secret ones masked, as anybody may see them.

    So are the values of ``headers`` whose names sound like credentials.
    """
    hidden = secret_names(shape)
    return {
        k: MASK if k in hidden and v else veiled(v) if k == "headers" else v
        for k, v in values.items()
    }


def laid_over(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options *old* with *new* over them.

    Null takes one away; the mask of a secret, also in ``headers``, leaves it as it is.
    """
    given = dict(new)
    if given.get("headers"):
        given["headers"] = unveiled(old.get("headers"), given["headers"])
    both = {**old, **{k: v for k, v in given.items() if v != MASK}}
    return {key: value for key, value in both.items() if value is not None}


def words_of(shape: type[msgspec.Struct], name: str) -> list[str]:
    """Return the words that the field *name*, or a list in it, allows; empty: any."""
    names = {f.encode_name: f.name for f in _fields(shape)}
    hint = _hints(shape).get(names.get(name, ""))
    return sorted({word for one in (hint, *get_args(hint)) for word in _choices(one)})


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint with the known name closest to *word*, or with all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, 1, 0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known are: {', '.join(names)}" if names else "there are none"


def _value_faults(hint: Any, value: Any, where: str, key: str) -> Iterator[UsageError]:
    """Yield what is wrong with one value, a nested table included."""
    if _is_struct(hint) and isinstance(value, Mapping):
        yield from faults(hint, value, f"{where}: {key}")
        return
    choices = _choices(hint)
    listed = _split(value, hint)
    for one in listed if isinstance(listed, list) else [listed]:
        if choices and isinstance(one, str) and one not in choices:
            said = f"{where}: {key}: unknown {safe_text(one, 60)!r}"
            yield UsageError(said, hint=nearest(one, choices))
            return
    try:
        msgspec.convert(listed, hint, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        yield UsageError(f"{where}: {_in_words(error, key)}")


def _convert(values: Mapping[str, Any], shape: type[T], where: str) -> T:
    try:
        return msgspec.convert(
            _prepare(values, shape), shape, strict=False, dec_hook=_decode
        )
    except msgspec.ValidationError as error:
        raise UsageError(f"{where}: {_in_words(error)}") from error


def _prepare(values: Mapping[str, Any], shape: type[msgspec.Struct]) -> dict[str, Any]:
    """Return *values* with text split wherever a list is wanted, in depth."""
    hints, ready = _hints(shape), {}
    names = {f.encode_name: f.name for f in _fields(shape)}
    for key, value in values.items():
        hint = hints.get(names.get(key, ""))
        if _is_struct(hint) and isinstance(value, Mapping):
            ready[key] = _prepare(value, hint)
        else:
            ready[key] = _split(value, hint)
    return ready


@functools.lru_cache(maxsize=64)
def _hints(shape: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the types of the fields; to find them takes most of a millisecond."""
    return get_type_hints(shape)


@functools.lru_cache(maxsize=64)
def _fields(shape: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(shape)


def _is_struct(hint: Any) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)


def _split(value: Any, hint: Any) -> Any:
    """Let one text stand for a list where a list is wanted."""
    if isinstance(value, str) and _wants_list(hint):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _wants_list(hint: Any) -> bool:
    candidates = (hint, *get_args(hint))
    return any(get_origin(c) in (tuple, list) for c in candidates)


def _choices(hint: Any) -> list[str]:
    """Return the words that *hint* (or a list of it) allows; empty: any."""
    if get_origin(hint) is Literal:
        return [str(word) for word in get_args(hint)]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return [str(member.value) for member in hint]
    if get_origin(hint) in (tuple, list):
        return _choices(get_args(hint)[0])
    return []


def _decode(kind: type, value: Any) -> Any:
    if kind is Seconds:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValueError(f"wanted a duration such as 30s, got {value!r}")
        try:
            return parse_duration(str(value))
        except UsageError as error:
            raise ValueError(str(error)) from error
    # A shape of ours holds a type that nobody taught us to read.
    raise TypeError(f"no rule to read {kind.__name__}")


def _in_words(error: msgspec.ValidationError, key: str = "") -> str:
    """Turn ``Expected `int`, got `str` - at `$.count` `` into words."""
    text, _, path = str(error).partition(" - at `$")
    path = f"{key}{path.rstrip('`')}".lstrip(".").replace("[...]", "")
    text = re.sub(r"`(\w+)`", lambda m: _KINDS.get(m[1], m[1]), text)
    text = text.replace("Expected ", "wanted ").replace(" | ", " or ")
    text = text.replace("Object missing required field", "missing").replace("`", "")
    return f"{path}: {text}" if path else text
