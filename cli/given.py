"""What is given as ``KEY=VALUE``: read in one place, also from files."""

import os
import re
from pathlib import Path
from typing import Any

from pangea.core.errors import UsageError
from pangea.core.text import safe_text

SET_HELP = (
    "An option of the probe; repeatable. OPTION=@FILE reads the value from a file, "
    "OPTION alone from the environment: PANGEA_SET_OPTION."
)
#: The longest value that is read from a file, in bytes.
MAX_FILE = 64 * 1024


def options_of(texts: tuple[str, ...], *, removing: bool = False) -> dict[str, Any]:
    """Return the ``--set`` texts as options; ``headers.Accept=…`` is a table's key.

    So that no secret stands on the command line: ``password=@FILE`` is what the
    file holds, without the newline at its end, and ``password`` alone is what the
    environment has as ``PANGEA_SET_PASSWORD``. ``@@`` begins a value with ``@``.
    """
    options: dict[str, Any] = {}
    named = tuple(text if "=" in text else _from_environment(text) for text in texts)
    for path, value in table_of("--set", named, removing=removing).items():
        value = _from_file(path, value) if value and value[0] == "@" else value
        name, dot, key = path.partition(".")
        inner = options.setdefault(name, {}) if dot else None
        if isinstance(inner, dict):
            inner[key] = value
        else:
            options[name] = value
    return options


def table_of(
    option: str, texts: tuple[str, ...], *, removing: bool = False
) -> dict[str, Any]:
    """Return ``K=V`` texts as a table; UsageError names *option* for any other."""
    table: dict[str, Any] = {}
    for text in texts:
        key, sep, value = text.partition("=")
        if not sep or not key.strip():
            raise UsageError(f"{option}: wanted KEY=VALUE, got {text!r}")
        table[key.strip()] = None if removing and value == "" else value
    return table


def _from_environment(name: str) -> str:
    """Return ``name=value`` for a bare *name*; a value there is never a file."""
    variable = "PANGEA_SET_" + re.sub(r"\W", "_", name.strip()).upper()
    value = os.environ.get(variable)
    if value is None:
        shown = safe_text(name, 60)
        raise UsageError(
            f"--set: wanted KEY=VALUE, got {shown!r}",
            hint=f"write {shown}=VALUE or {shown}=@FILE, or set {variable}",
        )
    return f"{name}={'@' if value.startswith('@') else ''}{value}"


def _from_file(option: str, value: str) -> str:
    """Return what the file holds that ``@FILE`` names, or ``@…`` of ``@@…``."""
    if value.startswith("@@"):
        return value[1:]
    where = f"--set {safe_text(option, 60)}: {safe_text(value[1:], 200)}"
    try:
        with Path(value[1:]).open("rb") as file:
            held = file.read(MAX_FILE + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        hint = f"a value that begins with @ is written {safe_text(option, 60)}=@@…"
        raise UsageError(f"{where}: {why}", hint=hint) from error
    if len(held) > MAX_FILE:
        raise UsageError(f"{where} holds more than {MAX_FILE} bytes")
    try:
        text = held.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{where} does not hold text (UTF-8)") from error
    return text.removesuffix("\n").removesuffix("\r")
