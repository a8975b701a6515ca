"""`pangea restore`: make a state directory what a backup holds."""

from pathlib import Path

import click

from pangea.core.database_url import is_postgres, without_password

from .backup import Progress, facts, when
from .blot import hide
from .group import Command
from .output import show_one
from .pass_phrase import sealed, to_open
from .run import flags_of, setting
from .session import Session


@click.command("restore", cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@sealed
@setting(
    "--database",
    metavar="URL",
    help="An empty database postgresql://… that gets what is in the backup's.",
)
@click.option("--force", is_flag=True, help="Move what is in the directory aside.")
@click.pass_obj
def command(
    session: Session,
    file: Path,
    passphrase_file: str | None,
    key_file: str | None,
    database: str | None,
    force: bool,
) -> None:
    """Put the backup FILE into the state directory; the coordinator must not run.

    All of it is read and checked first. What is in the directory is moved aside,
    and only with --force; nothing is deleted. The workers know the coordinator by
    its key, come back by themselves, and send again what the backup lacks.
    """
    from pangea.backup.restore import refuse, restore

    from .settings import resolve

    config = resolve(session, flags_of({"database": database})).config
    hide(session, config.database)
    state_dir = Path(config.storage.state_dir)
    url = config.database if is_postgres(config.database) else ""
    # Nobody is asked for a pass phrase in vain.
    refuse(file, state_dir, url=url, force=force)
    given = to_open(file, passphrase_file, key_file)
    with Progress(session) as progress:
        done = restore(file, given, state_dir, url=url, force=force, tell=progress.tell)
    made = done.made
    lines = [
        f"restored {made.facts.words} of {when(made)} into {state_dir}",
        f"its database is {without_password(url)} now" if url else "",
        f"what was there is in {done.aside}" if done.aside else "",
        f"start it: {session.again(f'pangea run{_named(database)}')}",
    ]
    found = {**facts(made), "state_dir": str(state_dir), "aside": None}
    if done.aside:
        found["aside"] = str(done.aside)
    show_one(
        session, found, lambda style: [line for line in lines if line], name=str(file)
    )
    if config.storage.database and not url:
        session.note(
            f"the configuration has the database at {config.database}: move it there"
            f" from {state_dir}/pangea.db, or take that line out"
        )


def _named(database: str | None) -> str:
    """Return the option that is needed again, because it stands in no configuration."""
    return f" --database {without_password(database)!r}" if database else ""
