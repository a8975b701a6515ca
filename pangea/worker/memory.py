"""The last assignments, kept in the spool's file across restarts."""

import logging
from collections.abc import Iterable

import msgspec

from pangea.core.errors import ConfigError
from pangea.core.model import Assignment
from pangea.storage.spool import Spool
from pangea.vault import Vault

log = logging.getLogger(__name__)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[list[Assignment], dict[int, dict[str, str]]])
_PLACE = "assignments"


class Memory:
    """What this worker was told last, by which version, and what it saw.

    ``seen`` is what each job's last run observed. All of it is sealed at rest:
    assignments carry passwords.
    """

    def __init__(self, spool: Spool, vault: Vault) -> None:
        self._spool = spool
        self._vault = vault
        self.version = 0
        self.seen: dict[int, dict[str, str]] = {}

    async def recall(self) -> list[Assignment]:
        """Return the assignments of the last run; none if they cannot be read."""
        version, sealed = await self._spool.load_assignments()
        if not sealed:
            return []
        try:
            packed = self._vault.open(sealed, _PLACE)
            assignments, seen = _decoder.decode(packed)
        except (msgspec.DecodeError, ConfigError) as error:
            log.warning("forgot the last assignments: %s", error)
            return []
        self.version = version
        self.seen.update(seen)
        return assignments

    async def keep(self, version: int, assignments: Iterable[Assignment]) -> None:
        """Remember *assignments* as *version*, with what was seen of them."""
        held = list(assignments)
        jobs = {assignment.job for assignment in held}
        for job in self.seen.keys() - jobs:
            del self.seen[job]
        packed = _encoder.encode((held, self.seen))
        await self._spool.save_assignments(version, self._vault.seal(packed, _PLACE))
        self.version = version
