"""The schema's version: checked and raised when the database opens."""

from pathlib import Path
from typing import Any

from pangea import __version__
from pangea.core.errors import ConfigError

from .connection import bound, connection
from .light_peewee import Runner
from .link import Engine
from .postgres_sql import schema_for
from .sqlite import SqliteEngine

SCRIPTS = Path(__file__).parent / "migrations"


class Script:
    """What a script of the migrations is given: it says what SQLite would do."""

    def execute_sql(self, sql: str) -> None:
        """Run one statement, in the words of this engine."""
        link = connection()
        if link.engine == "postgres":
            # A step may take as long as it takes.
            link.execute("SET LOCAL statement_timeout = 0")
        for statement in schema_for(link.engine, sql):
            link.execute(statement)


def migrate(place: Engine | Path, scripts: Path = SCRIPTS) -> list[str]:
    """Bring the database that is open here to this version; return what was applied.

    *place* is where it is. Of a file that holds something a copy is kept first; each
    script is one transaction. Raises ConfigError for a schema newer than this program,
    and for a database that belongs to another.
    """
    engine = SqliteEngine(place) if isinstance(place, Path) else place
    database = bound()
    runner: Any = Runner(database, directory=str(scripts))
    status = runner.status()
    known = [m.name for m in status if m.path is not None]
    applied = [m.name for m in status if m.applied]
    newer = [name for name in applied if name not in known]
    if newer:
        raise _too_new(engine, newer[-1], known[-1] if known else "none")
    # A first start that was cut short leaves the runner's own table alone.
    if not applied and set(database.get_tables()) - {runner.table_name}:
        raise ConfigError(
            f"{engine.place} is a database, but not one of Pangea",
            hint=engine.elsewhere,
        )
    pending = [name for name in known if name not in applied]
    if pending and applied:
        engine.keep_copy(_number(pending[0]))
    runner.database = Script()
    return list(runner.up())


def _number(script: str) -> str:
    return script.partition("_")[0]


def _too_new(engine: Engine, found: str, known: str) -> ConfigError:
    return ConfigError(
        f"{engine.place} has schema {found}, but Pangea {__version__} knows only"
        f" {known}",
        hint=engine.way_back(_number(found)),
    )
