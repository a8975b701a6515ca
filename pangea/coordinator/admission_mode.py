"""How new workers are let in now: as configured, or by a person after a revocation.

A worker that was revoked still knows the cluster's secrets. So from a revocation on
the secret alone admits nobody, until it has been rotated.
"""

import logging

from pangea.mesh.rotation import NEXT_STEP
from pangea.storage import settings
from pangea.storage.database import Store

log = logging.getLogger(__name__)

_KEY = "admission.approve_until_rotated"

SECRET = "secret"
APPROVE = "approve"


class AdmissionMode:
    """``mode`` is ``secret`` or ``approve``; ``load`` it once at the start.

    ``revoked`` names the worker whose revocation holds it at ``approve``, or is "".
    """

    def __init__(self, configured: str, store: Store) -> None:
        self.configured = configured
        self.revoked = ""
        self._store = store

    async def load(self) -> None:
        """Read the switch as it was stored."""
        self.revoked = await self._store.read(lambda: settings.get(_KEY) or "")

    @property
    def mode(self) -> str:
        """How somebody new is let in now."""
        return APPROVE if self.revoked else self.configured

    def trouble(self, stage: str = "none") -> str:
        """Return what a person should know of it, or ""; *stage* is the rotation's."""
        if not self.revoked:
            return ""
        return (
            f"worker {self.revoked} was revoked and knows the cluster's secret: new "
            "workers wait for approval until it has been rotated "
            f"({NEXT_STEP[stage]})"
        )

    def store_switch(self, worker: str) -> None:
        """Store that *worker* was revoked; call it in that very transaction."""
        settings.put(_KEY, worker)

    def switch(self, worker: str) -> None:
        """Let a person decide from now on; ``store_switch`` keeps it so."""
        self.revoked = worker
        log.warning("%s", self.trouble())

    async def rotated(self) -> None:
        """Take back the switch: no secret of before the revocation opens anything."""
        await self._store.write(lambda: settings.put(_KEY, ""))
        if self.revoked:
            log.info("the secret is rotated: admission is %r again", self.configured)
        self.revoked = ""
