"""When this worker was unwell, kept across restarts in a small file."""

import logging
from pathlib import Path

import msgspec
from msgspec import Struct

from pangea.core.errors import ConfigError
from pangea.mesh.private_file import read_private, write_private

log = logging.getLogger(__name__)

NAME = "self-test.json"


class Stretch(Struct, frozen=True):
    """A stretch of being unwell, in seconds of the boot clock of *boot*.

    ``until`` is 0 while it goes on.
    """

    boot: str
    since: float
    until: float
    cause: str


class Kept(Struct, frozen=True):
    """What is kept: the stretches, oldest first, and the checks that were good."""

    stretches: tuple[Stretch, ...] = ()
    ever: tuple[str, ...] = ()


def load(path: Path) -> Kept:
    """Return what is kept at *path*; nothing if that cannot be read."""
    try:
        content = read_private(path)
        return msgspec.json.decode(content, type=Kept) if content else Kept()
    except (ConfigError, msgspec.DecodeError) as error:
        log.warning("forgot when this worker was unwell: %s", error)
        return Kept()


def save(path: Path, kept: Kept) -> None:
    """Keep *kept* at *path*; what the disk refuses is lost with this process."""
    try:
        write_private(path, msgspec.json.encode(kept))
    except ConfigError as error:
        log.warning("cannot keep when this worker was unwell: %s", error)
