"""Scheduled backups, begun where the configuration asks for them."""

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from pangea.background import Background
from pangea.backup.make import Source
from pangea.core.clock import Clock
from pangea.core.config import NodeConfig
from pangea.core.database_url import is_postgres
from pangea.core.errors import ConfigError
from pangea.web.api_backups import BACKUPS

from .backups import Backups
from .service import CoordinatorService


def keep_backups(
    config: NodeConfig,
    source: Source,
    app: MutableMapping[Any, Any],
    service: CoordinatorService,
    background: Background,
    clock: Clock,
) -> None:
    """Back *source* up as *config* says, and let *app* and the status tell of it.

    Raises ConfigError if there is a directory for backups, but no key.
    """
    if not config.backup.dir:
        return
    if not config.backup.key_file:
        raise ConfigError(
            "backup.dir is set, but no backup.key_file, and backups are sealed",
            hint="make a key: pangea backup --new-key FILE",
        )
    backups = Backups(config.backup, source, clock)
    app[BACKUPS] = backups
    service.troubles.append(backups.troubles)
    service.summary.backup = backups.status
    background.start(backups.run(), "backups")


def source_of(config: NodeConfig, state_dir: Path, name: str) -> Source:
    """Return what is to be backed up."""
    place = config.database
    return Source(state_dir, place if is_postgres(place) else Path(place), name)
