"""What a form has to know of each option of a probe: read from its Options struct."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec import inspect as shapes
from msgspec.structs import FieldInfo, fields

from pangea.core.durations import Seconds, format_duration
from pangea.core.options import MASK, secret_names
from pangea.probes.base import PROBES, load_builtin, probe_class

from .text import t

#: How an option is asked for: ``list`` is one line, ``lines`` one value a line.
Kind = Literal["text", "number", "flag", "choice", "list", "lines", "seconds", "secret"]

#: What people reach for first; the others are folded.
FIRST = {
    "http": ("method", "expect_status", "body_contains", "headers"),
    "icmp": ("count", "fail_loss_pct", "warn_latency_ms"),
    "dns": ("type", "resolver", "transport", "expect_all"),
    "tls": ("server_name", "starttls", "warn_days", "fail_days"),
    "tcp": ("send", "expect", "tls"),
    "udp": ("send", "expect"),
    "ntp": ("fail_offset_ms", "max_stratum"),
    "traceroute": ("mode", "max_hops", "must_pass"),
    "heartbeat": ("grace", "cron", "timezone"),
}
#: Lists whose values may hold commas or are long.
LINES = {"headers", "json", "dialogue", "expect_headers", "body"}
#: Long text that may hold line breaks.
PEM = {"client_cert"}


class OptionField(Struct, frozen=True, kw_only=True):
    """An option as a form shows it; ``value`` is what is typed, "" for the default."""

    name: str
    help: str
    kind: Kind
    choices: list[str]
    value: str
    default: str
    secret: bool
    first: bool


class _Shape(Struct, frozen=True):
    """What does not depend on a job."""

    name: str
    kind: Kind
    choices: tuple[str, ...]
    default: str
    secret: bool


def probe_types() -> list[str]:
    """Return the types of probes: those that most people want first."""
    load_builtin()
    return sorted(PROBES, key=lambda name: ([*FIRST, name].index(name), name))


def option_fields(type_: str, values: Mapping[str, Any]) -> list[OptionField]:
    """Return the options of *type_* as fields that hold *values*, or what was typed.

    Those that are wanted most come first. Raises UsageError for an unknown type.
    """
    first = FIRST.get(type_, ())
    found = [
        OptionField(
            name=shape.name,
            help=_help(type_, shape.name),
            kind=shape.kind,
            choices=list(shape.choices),
            value=_written(shape, values.get(shape.name)),
            default=shape.default,
            secret=shape.secret,
            first=shape.name in first,
        )
        for shape in _shapes(type_)
    ]
    order = {name: at for at, name in enumerate(first)}
    return sorted(found, key=lambda field: order.get(field.name, len(order)))


def read_option(type_: str, name: str, typed: str) -> Any:
    """Return what was *typed* for an option as a job has it; None takes it away."""
    kind = next((s.kind for s in _shapes(type_) if s.name == name), "text")
    text = typed.replace("\r\n", "\n")
    if not text.strip():
        return None
    if kind == "lines" and name != "body":
        return [line.strip() for line in text.split("\n") if line.strip()]
    if name == "body" or name in PEM or kind == "secret":
        return text
    return text.strip()


def _help(type_: str, name: str) -> str:
    try:
        return t(f"option.{type_}.{name}")
    except LookupError:  # a plug-in's probe has no words of ours
        return ""


@cache
def _shapes(type_: str) -> tuple[_Shape, ...]:
    options = probe_class(type_).Options
    hidden = secret_names(options)
    kinds = {f.encode_name: f.type for f in _inspected(options)}
    found = []
    for info in fields(options):
        name = info.encode_name
        kind, choices = _kind(kinds[name], name)
        if name in hidden:
            kind = "secret"
        found.append(_Shape(name, kind, choices, _default(info), name in hidden))
    return tuple(found)


def _inspected(options: type[Struct]) -> tuple[shapes.Field, ...]:
    told = shapes.type_info(options)
    assert isinstance(told, shapes.StructType), f"{options} is a struct"
    return told.fields


def _kind(told: shapes.Type, name: str) -> tuple[Kind, tuple[str, ...]]:
    """Return how an option of that shape is asked for, and what may be chosen."""
    if isinstance(told, shapes.UnionType):
        known = [one for one in told.types if not isinstance(one, shapes.NoneType)]
        return _kind(known[0], name) if len(known) == 1 else (_many(name), ())
    if isinstance(told, shapes.Metadata):
        return _kind(told.type, name)
    if isinstance(told, shapes.BoolType):
        return "flag", ()
    if isinstance(told, shapes.IntType | shapes.FloatType):
        return "number", ()
    if isinstance(told, shapes.LiteralType):
        return "choice", tuple(map(str, told.values))
    if isinstance(told, shapes.CustomType) and told.cls is Seconds:
        return "seconds", ()
    if isinstance(told, shapes.StrType):
        return ("lines" if name in LINES | PEM else "text"), ()
    return _many(name), ()


def _many(name: str) -> Kind:
    return "lines" if name in LINES else "list"


def _default(info: FieldInfo) -> str:
    """Return a default as it is typed; "" where there is none."""
    value = info.default
    if value is NODEFAULT and callable(info.default_factory):
        value = info.default_factory()
    return "" if value is NODEFAULT else as_typed(value)


def _written(shape: _Shape, value: Any) -> str:
    """Return the *value* of a job as it is typed; a secret is never shown."""
    if value is None or (shape.secret and value == MASK):
        return ""
    if shape.kind == "lines" and isinstance(value, list | tuple):
        return "\n".join(map(as_typed, value))
    if shape.kind == "lines" and isinstance(value, Mapping):
        return "\n".join(f"{key}: {one}" for key, one in value.items())
    return as_typed(value)


def as_typed(value: Any) -> str:
    """Return a value as a person types it: ``true``, ``200,204``, ``1m30s``."""
    if value in (None, "", (), [], {}):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Seconds):
        return format_duration(float(value))
    if isinstance(value, list | tuple):
        return ",".join(map(as_typed, value))
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return json.dumps(msgspec.to_builtins(value), ensure_ascii=False)
    return str(value)
