"""The last assignments, kept in the spool's file across restarts."""

import logging
from collections.abc import Iterable

import msgspec

from pangea.core.model import Assignment
from pangea.storage.spool import Spool

log = logging.getLogger(__name__)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Assignment])


class Memory:
    """What this worker was told last, and by which version."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.version = 0

    async def recall(self) -> list[Assignment]:
        """Return the assignments of the last run; none if they cannot be read."""
        version, packed = await self._spool.load_assignments()
        if not packed:
            return []
        try:
            assignments = _decoder.decode(packed)
        except msgspec.DecodeError as error:
            log.warning("forgot the last assignments: %s", error)
            return []
        self.version = version
        return assignments

    async def keep(self, version: int, assignments: Iterable[Assignment]) -> None:
        """Remember *assignments* as *version*."""
        await self._spool.save_assignments(version, _encoder.encode(list(assignments)))
        self.version = version
