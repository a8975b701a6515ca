"""Whom a worker trusts as its coordinator, and where it was last."""

import re
from pathlib import Path

import msgspec

from pangea.core.errors import ConfigError
from pangea.mesh.private_file import read_private, write_private

MAX_ADDRESSES = 8


class LastGood(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The pinned coordinator key (64 hex digits) and ``host:port`` addresses.

    The newest address comes first.
    """

    coordinator: str
    addresses: tuple[str, ...] = ()

    @property
    def coordinator_key(self) -> bytes:
        """The 32 bytes of the pinned key."""
        return bytes.fromhex(self.coordinator)

    def reached_at(self, address: str) -> "LastGood":
        """Return the same pin with *address* as the newest."""
        others = tuple(known for known in self.addresses if known != address)
        return LastGood(self.coordinator, (address, *others)[:MAX_ADDRESSES])


def load(path: Path) -> LastGood | None:
    """Return what is in *path*, None if there is no such file.

    A damaged file is a `ConfigError`, never a reason to trust somebody else.
    """
    content = read_private(path)
    if content is None:
        return None
    try:
        found = msgspec.json.decode(content, type=LastGood)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _damaged(path) from error
    if not re.fullmatch(r"[0-9a-f]{64}", found.coordinator):
        raise _damaged(path)
    return found


def save(path: Path, last_good: LastGood) -> None:
    """Put *last_good* in the place of *path*, whole or not at all."""
    write_private(path, msgspec.json.encode(last_good) + b"\n")


def _damaged(path: Path) -> ConfigError:
    return ConfigError(
        f"{path}, which says whom this worker trusts, is damaged",
        hint="restore it, or remove it to trust the next coordinator "
        "that proves the cluster secret",
    )
