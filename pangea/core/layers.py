"""Layers of configuration: how they add up, and where each value is from."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from .config import NodeConfig
from .database_url import without_password
from .durations import format_duration, parse_duration
from .errors import ConfigError, UsageError
from .options import build, faults

#: Where a value may stand; what is shown of it is only that it is there.
SECRET_KEYS = frozenset({"accounts.codes", "alerts.heartbeat_url", "smtp.password"})

#: A key that needs no quotes, and the keys of a dotted path.
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_KEYS = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z0-9_-]+')


class Layer(Struct, frozen=True):
    """Values from one place; ``values`` maps dotted paths such as ``node.role``."""

    source: str
    values: dict[str, Any]


class Resolved(Struct, frozen=True):
    """The configuration, and for each value that is set the place it is from."""

    config: NodeConfig
    sources: dict[str, str]

    def rows(self) -> list[tuple[str, Any, str]]:
        """Return (key, value, source) for every value; secrets are masked."""
        flat = flatten(msgspec.to_builtins(self.config, enc_hook=_duration))
        return [
            (
                key,
                _shown(key, value),
                self.sources.get(key, "default"),
            )
            for key, value in flat.items()
        ]


def _shown(key: str, value: Any) -> Any:
    """Return a value without what is secret in it."""
    if key in SECRET_KEYS and value:
        return "***"
    return without_password(value) if key == "storage.database" else value


def read_layer(table: Mapping[str, Any], source: str) -> Layer:
    """Return the *table* of a file as a layer; ConfigError names the first fault."""
    for fault in table_faults(table, source):
        raise fault
    return Layer(source, flatten(table))


def table_faults(table: Mapping[str, Any], source: str) -> Iterator[ConfigError]:
    """Yield every fault of a file's *table*, each with its file and key."""
    for fault in faults(NodeConfig, table, source):
        yield ConfigError(str(fault), hint=fault.hint)


def resolve(layers: Iterable[Layer]) -> Resolved:
    """Return what *layers* add up to; an earlier one beats a later one.

    Tables (tags and intervals included) add up key by key, lists replace each
    other whole. Raises ConfigError naming the source of the value at fault.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for layer in reversed(list(layers)):
        _check(layer)
        values.update(layer.values)
        sources.update(dict.fromkeys(layer.values, layer.source))
    try:
        config = build(NodeConfig, unflatten(values), "configuration")
    except UsageError as error:
        raise ConfigError(str(error), hint=error.hint) from error
    return Resolved(config, sources)


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested tables as one of dotted paths; empty tables vanish.

    A key that is not a bare one (a tag's name) stands in quotes, as in TOML.
    """
    flat: dict[str, Any] = {}
    for key, value in table.items():
        path = prefix + quoted(key)
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{path}.")
        else:
            flat[path] = value
    return flat


def quoted(key: str) -> str:
    """Return *key* as it stands in a dotted path."""
    return key if _BARE.fullmatch(key) else json.dumps(key)


def unflatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return dotted paths as nested tables; the inverse of ``flatten``."""
    tables: dict[str, Any] = {}
    for path, value in values.items():
        *parents, last = [
            json.loads(key) if key.startswith('"') else key
            for key in _KEYS.findall(path)
        ]
        table = tables
        for name in parents:
            table = table.setdefault(name, {})
        table[last] = value
    return tables


def _check(layer: Layer) -> None:
    """Refuse a layer that is wrong by itself, so that the message has its name."""
    for fault in table_faults(unflatten(layer.values), layer.source):
        raise fault


def _duration(seconds: Any) -> str:
    """Return Seconds as text that means exactly the same."""
    short = format_duration(seconds)
    return short if parse_duration(short) == seconds else f"{float(seconds):f}s"
