"""The last assignments, kept in the spool's file across restarts."""

import asyncio
import logging
from collections.abc import Iterable

import msgspec

from pangea.core.errors import ConfigError, StorageError
from pangea.core.model import Assignment
from pangea.storage.spool import Spool
from pangea.vault import Vault

from .disk import RETRY_S, Disk

log = logging.getLogger(__name__)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[list[Assignment], dict[int, dict[str, str]]])
_PLACE = "assignments"


class Memory:
    """What this worker was told last, by which version, and what it saw.

    ``seen`` is what each job's last run observed. All of it is sealed at rest:
    assignments carry passwords. What the disk refuses is tried again.
    """

    def __init__(self, spool: Spool, vault: Vault, disk: Disk) -> None:
        self._spool = spool
        self._vault = vault
        self._disk = disk
        self._held: list[Assignment] = []
        self._again: asyncio.Task[None] | None = None
        self.version = 0
        self.seen: dict[int, dict[str, str]] = {}

    async def recall(self) -> list[Assignment]:
        """Return the assignments of the last run; none if they cannot be read."""
        try:
            version, sealed = await self._spool.load_assignments()
            if not sealed:
                return []
            packed = self._vault.open(sealed, _PLACE)
            assignments, seen = _decoder.decode(packed)
        except (msgspec.DecodeError, ConfigError, StorageError) as error:
            log.warning("forgot the last assignments: %s", error)
            return []
        self.version = version
        self.seen.update(seen)
        return assignments

    async def keep(self, version: int, assignments: Iterable[Assignment]) -> None:
        """Remember *assignments* as *version*, with what was seen of them."""
        self.version, self._held = version, list(assignments)
        jobs = {assignment.job for assignment in self._held}
        for job in self.seen.keys() - jobs:
            del self.seen[job]
        stored = await self._store()
        if not stored and (self._again is None or self._again.done()):
            self._again = asyncio.create_task(self._store_at_last(), name="memory")

    def close(self) -> None:
        """Try no more to store what the disk refused."""
        if self._again:
            self._again.cancel()

    async def _store(self) -> bool:
        packed = _encoder.encode((self._held, self.seen))
        sealed = self._vault.seal(packed, _PLACE)
        writing = self._spool.save_assignments(self.version, sealed)
        return await self._disk.takes("assignments", writing)

    async def _store_at_last(self) -> None:
        stored = False
        while not stored:
            await asyncio.sleep(RETRY_S)
            stored = await self._store()
