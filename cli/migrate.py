"""`pangea migrate`: move a coordinator's database to PostgreSQL, or back to a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pangea.core.database_url import is_postgres, without_password
from pangea.core.errors import ConfigError, NotFound, UsageError

from .backup import DATABASE, Progress
from .blot import hide
from .group import Command
from .output import Column, show_items
from .run import flags_of, setting
from .session import Session

if TYPE_CHECKING:
    from pangea.storage.copying import Compared

FILE = "sqlite:"


@click.command("migrate", cls=Command)
@click.option(
    "--to", required=True, metavar="URL", help="postgresql://…, or sqlite:PATH."
)
@setting(
    "--database",
    metavar="PATH|URL",
    help="What is moved, if not what the configuration names.",
)
@click.pass_obj
def command(session: Session, to: str, database: str | None) -> None:
    """Move all that the coordinator knows to another database; it must not run.

    The new one has to be empty. What arrives is read back and compared row by row
    before it is kept; what is moved stays as it is. Cut short it leaves nothing
    behind: do it again.

    \b
    pangea migrate --to postgresql://pangea@db.example/pangea
    pangea migrate --to sqlite:/var/lib/pangea/pangea.db
    """
    from .settings import resolve

    config = resolve(session, flags_of({"database": database})).config
    state_dir = session.state_path(DATABASE)
    given = config.database if config.storage.database else ""
    source = given or str(state_dir / DATABASE)
    hide(session, source, to)
    target = _target(to, source)
    with Progress(session) as progress:
        compared = _move(session, state_dir, source, target, progress)
    _show(session, compared, is_postgres(target))
    _tell(session, source, target, compared)


def _target(to: str, source: str) -> str:
    """Return where it goes; UsageError for what this command does not do."""
    from pangea.core.database_url import check_postgres

    if is_postgres(to):
        if is_postgres(source):
            raise UsageError(
                f"{without_password(source)} is on PostgreSQL already",
                hint="name what is moved with --database PATH; from one server to"
                " another pg_dump is the way",
            )
        try:
            check_postgres(to)
        except ValueError as error:
            raise UsageError(f"--to: {error}") from None
        return to
    path = to.removeprefix("sqlite://").removeprefix("/") if "://" in to else ""
    path = path or (to.removeprefix(FILE) if to.startswith(FILE) else "")
    if not path or "://" in path:
        raise UsageError(
            f"--to: wanted postgresql://USER@HOST/NAME or sqlite:PATH, got"
            f" {without_password(to)!r}"
        )
    if not is_postgres(source):
        raise UsageError(
            f"{source} is a file already",
            hint="to move one: pangea backup and pangea restore",
        )
    return path


def _move(
    session: Session, state_dir: Path, source: str, target: str, progress: Progress
) -> "list[Compared]":
    from pangea.backup.workshop import refuse_others
    from pangea.state_dir import hold
    from pangea.storage import moving

    refuse_others(state_dir)
    if not state_dir.is_dir():
        raise NotFound(
            f"there is no state directory {state_dir}", hint="name it with --state-dir"
        )
    with hold(state_dir):
        if is_postgres(source):
            compared = moving.into_file(source, Path(target), progress.tell)
        elif Path(source).is_file():
            compared = moving.fill(Path(source), target, progress.tell)
        else:
            raise NotFound(
                f"there is no coordinator's database at {source}",
                hint="name its --state-dir, or the file with --database",
            )
        _note(session, state_dir, source, target, compared)
    return compared


def _note(
    session: Session,
    state_dir: Path,
    source: str,
    target: str,
    compared: "list[Compared]",
) -> None:
    """Leave a note, so that nobody starts a coordinator on what was moved."""
    from pangea.moved import note_moved

    rows, results = sum(c.arrived for c in compared[:-1]), compared[-1].arrived
    try:
        note_moved(state_dir, source, target, results=results, rows=rows)
    except (ConfigError, OSError) as error:
        # All has arrived: that is not undone for the sake of a note.
        session.note(f"it was moved, but {error}: start nothing on {source} any more")


def _show(session: Session, compared: "list[Compared]", to_server: bool) -> None:
    one, other = ("sqlite", "postgresql") if to_server else ("postgresql", "sqlite")
    items: list[dict[str, Any]] = [
        {"table": c.table, one: c.rows, other: c.arrived, "same": c.same}
        for c in compared
    ]
    columns = [
        Column("table", lambda i: i["table"]),
        Column(one, lambda i: f"{i[one]:,}"),
        Column(other, lambda i: f"{i[other]:,}"),
        Column("the same", lambda i: "yes" if i["same"] else "NO"),
    ]
    show_items(session, items, columns, key="table")


def _tell(
    session: Session, source: str, target: str, compared: "list[Compared]"
) -> None:
    rows = sum(c.arrived for c in compared[:-1])
    shown = without_password(target)
    session.note(
        f"moved {compared[-1].arrived:,} results in {rows:,} rows to {shown}: read"
        f" back, and the same as in {without_password(source)}, which is as it was"
    )
    session.note(
        "now let the coordinator use it, before it starts again: storage.database in"
        f" its configuration, PANGEA_DATABASE, or pangea run --database {shown!r}"
    )
