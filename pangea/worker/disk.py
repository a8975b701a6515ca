"""What a worker does while its spool refuses: it says so once, and goes on."""

import logging
from collections.abc import Awaitable

from pangea.core.errors import StorageError

log = logging.getLogger(__name__)

#: What the spool refused is tried again after so long.
RETRY_S = 1.0


class Disk:
    """Whether the spool takes what it is given.

    ``trouble`` is the last reason of a refusal that lasts, or ""; ``leaving`` is
    set when the spool is about to be closed, so that refusals are no news.
    """

    def __init__(self) -> None:
        self._refused: set[str] = set()
        self.trouble = ""
        self.leaving = False

    async def takes(self, what: str, writing: Awaitable[object]) -> bool:
        """Await the *writing* of *what* to the spool; False if it is refused."""
        try:
            await writing
        except StorageError as error:
            self.refused(what, error)
            return False
        self._refused.discard(what)
        if self.trouble and not self._refused:
            log.warning("the disk takes results again")
            self.trouble = ""
        return True

    def refused(self, what: str, error: StorageError) -> None:
        """Note that *what* could not be written or read; say so the first time."""
        if self.leaving:
            log.debug("%s: %s", what, error)
            return
        if not self._refused:
            log.error("cannot store %s: %s; trying again", what, error)
        self._refused.add(what)
        self.trouble = str(error)
