"""`pangea backup`: everything of a coordinator in one sealed file, read back."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pangea.core.database_url import is_postgres
from pangea.core.errors import UsageError
from pangea.core.text import safe_text

from .group import Command
from .output import pairs, show_one
from .pass_phrase import sealed, to_open, to_seal
from .session import Session, is_loopback
from .waiting import CLEAR

if TYPE_CHECKING:
    from pangea.backup.make import Made
    from pangea.backup.seal import Header

DATABASE = "pangea.db"


@click.command("backup", cls=Command)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@sealed
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@click.option("--check", is_flag=True, help="Read FILE as a restore would; no more.")
@click.option("--list", "header", is_flag=True, help="Print what FILE is.")
@click.option("--new-key", is_flag=True, help="Make FILE a key for --key-file.")
@click.option("--now", is_flag=True, help="Let the coordinator make a scheduled one.")
@click.pass_obj
def command(
    session: Session,
    file: Path | None,
    passphrase_file: str | None,
    key_file: str | None,
    force: bool,
    check: bool,
    header: bool,
    new_key: bool,
    now: bool,
) -> None:
    """Back up the coordinator of this machine to FILE, while it runs or not.

    FILE holds its database, keys and secrets, sealed with a pass phrase or a key
    file; it is read back whole before this says that it is done.

    \b
    pangea backup pangea.backup               asks for a pass phrase
    pangea backup --check pangea.backup       could it be restored?
    pangea restore pangea.backup --state-dir DIR
    """
    if check + header + new_key + now > 1 or (now and file):
        raise UsageError("one of --check, --list and --new-key FILE, or --now, or FILE")
    if now:
        _now(session)
        return
    if file is None:
        raise UsageError("which FILE?", hint="pangea backup FILE")
    if new_key:
        _new_key(session, file)
    elif header:
        _list(session, file)
    elif check:
        _check(session, file, passphrase_file, key_file)
    else:
        _back_up(session, file, passphrase_file, key_file, force=force)


def _back_up(
    session: Session,
    file: Path,
    passphrase_file: str | None,
    key_file: str | None,
    *,
    force: bool,
) -> None:
    from pangea.backup.make import Source, back_up, refuse

    from .settings import resolve

    if session.server and not is_loopback(session.server):
        raise UsageError(
            f"a backup of {session.server} is made on its own machine",
            hint="make it there; its keys never leave it unsealed",
        )
    config = resolve(session).config
    state_dir = session.state_path(DATABASE)
    moved = config.database if config.storage.database else ""
    place = moved if is_postgres(moved) else Path(moved or state_dir / DATABASE)
    source = Source(state_dir, place, config.node.name)
    # Nobody is asked for a pass phrase in vain.
    refuse(source, file, force=force)
    given = to_seal(passphrase_file, key_file)
    with Progress(session) as progress:
        made = back_up(source, file, given, force=force, tell=progress.tell)
    told = f"backed up to {file}: {_holds(made)}; read back, and whole"
    show_one(session, facts(made), lambda style: [told], name=str(file))


def _check(
    session: Session, file: Path, passphrase_file: str | None, key_file: str | None
) -> None:
    from pangea.backup.make import check

    given = to_open(file, passphrase_file, key_file)
    near = session.state_path(DATABASE)
    with Progress(session) as progress:
        made = check(file, given, near if near.is_dir() else None, progress.tell)
    told = f"{file} is whole: {_holds(made)}, of {when(made)}"
    show_one(session, facts(made), lambda style: [told], name=str(file))


def _list(session: Session, file: Path) -> None:
    from pangea.backup.make import read_header

    found = header_facts(read_header(file))
    show_one(
        session, found, lambda style: pairs(style, list(found.items())), name=str(file)
    )


def _new_key(session: Session, file: Path) -> None:
    from pangea.backup.keys import new_key

    new_key(file)
    told = f"made the key {file}: keep a copy where no backup is lost with it"
    show_one(session, {"key_file": str(file)}, lambda style: [told], name=str(file))


def _now(session: Session) -> None:
    answer = session.client().post("backups")
    told = f"the coordinator makes {answer['name']}: pangea status tells how it went"
    show_one(session, answer, lambda style: [told])


class Progress:
    """Shows on a terminal how far something is; gone at the end."""

    def __init__(self, session: Session) -> None:
        self._shows = sys.stderr.isatty() and not session.quiet
        self._last = ""

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._last:
            print(CLEAR, end="", file=sys.stderr, flush=True)

    def tell(self, doing: str, done: int, of: int) -> None:
        """Show it, if it looks otherwise than before."""
        text = f"{doing}: {100 * done // max(of, 1)} %"
        if self._shows and text != self._last:
            self._last = text
            print(f"{CLEAR}{text}", end="", file=sys.stderr, flush=True)


def facts(made: "Made") -> dict[str, Any]:
    """Return what is known of a backup that was read back, as JSON has it."""
    found = header_facts(made.header)
    return {
        "file": str(made.path),
        **found,
        "bytes": made.size,
        "rows": made.facts.counts,
    }


def header_facts(header: "Header") -> dict[str, Any]:
    """Return what anybody may know of a backup."""
    return {
        "cluster": header.cluster,
        "made_at": header.made_at,
        "version": header.version,
        "engine": header.engine,
        "schema": header.schema,
        "node": header.node,
        "sealed_with": header.key.kind,
        "format": header.format,
    }


def _holds(made: "Made") -> str:
    return f"{made.facts.words} and {made.size:,} bytes"


def when(made: "Made") -> str:
    """Return the moment that a backup is of, as a terminal may have it."""
    return safe_text(made.header.made_at, 40)
