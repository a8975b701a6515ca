"""Scheduled backups, begun where the configuration asks for them."""

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from pangea.background import Background
from pangea.backup.make import Source
from pangea.core.clock import Clock
from pangea.core.config import NodeConfig
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
    """Back *source* up as *config* says, and let *app* and the status tell of it."""
    if not config.backup.dir:
        return
    backups = Backups(config.backup, source, clock)
    app[BACKUPS] = backups
    service.troubles.append(backups.troubles)
    service.summary.backup = backups.status
    background.start(backups.run(), "backups")


def source_of(config: NodeConfig, state_dir: Path, name: str) -> Source:
    """Return what is to be backed up."""
    return Source(state_dir, Path(config.database), name)
