"""What opens a backup: asked for, or read from where a person says."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pangea.core.errors import UsageError

if TYPE_CHECKING:
    from pangea.backup.keys import Given

VARIABLE = "PANGEA_BACKUP_PASSPHRASE"
MAX_FILE = 4096


def sealed(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what opens a backup."""
    for names, variable, text in (
        ("--key-file", "PANGEA_BACKUP_KEY_FILE", "Holds the key of the backup."),
        ("--passphrase-file", f"{VARIABLE}_FILE", "Holds its pass phrase."),
    ):
        command = click.option(names, metavar="F", envvar=variable, help=text)(command)
    return command


def to_seal(passphrase_file: str | None, key_file: str | None) -> "Given":
    """Return what a new backup is sealed with; a pass phrase is asked for twice."""
    if passphrase_file and _on_line("passphrase_file") and not _on_line("key_file"):
        key_file = None
    return _key(key_file) if key_file else _phrase(passphrase_file, twice=True)


def to_open(path: Path, passphrase_file: str | None, key_file: str | None) -> "Given":
    """Return what opens the backup *path*: its header says which of both it is."""
    from pangea.backup.make import read_header

    if read_header(path).key.kind == "passphrase":
        if key_file and _on_line("key_file"):
            raise UsageError(f"{path} is sealed with a pass phrase, not with a key")
        return _phrase(passphrase_file, twice=False)
    if not key_file:
        raise UsageError(f"{path} is sealed with a key file", hint="add --key-file F")
    return _key(key_file)


def _on_line(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE


def _key(key_file: str) -> "Given":
    from pangea.backup.keys import read_key

    return read_key(Path(key_file))


def _phrase(path: str | None, *, twice: bool) -> "Given":
    from pangea.backup.keys import passphrase

    text = _read(Path(path)) if path else os.environ.get(VARIABLE, "")
    if not text and not sys.stdin.isatty():
        raise UsageError(
            "a backup is sealed, and there is no terminal to ask for a pass phrase",
            hint=f"give --passphrase-file, --key-file or {VARIABLE}",
        )
    if not text:
        text = click.prompt(
            "Pass phrase", hide_input=True, confirmation_prompt=twice, err=True
        )
    return passphrase(text)


def _read(path: Path) -> str:
    """Return the first line of a file."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE)
        return raw.decode("utf-8").partition("\n")[0].removesuffix("\r")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} does not hold text (UTF-8)") from error
