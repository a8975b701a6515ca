"""The last words to a worker: said if it listens, and waited for never long."""

import asyncio
import logging

from pangea.core.errors import ProtocolError
from pangea.mesh.link import Link
from pangea.mesh.messages import Desired, Goodbye

from .worker_link import WorkerLink

log = logging.getLogger(__name__)

#: A worker that takes no goodbye within this time gets none.
GOODBYE_S = 2.0
#: So long has one that is shut out to hear of it.
LAST_WORD_S = 0.5


async def say_goodbye(link: Link, reason: str, *, twin: bool = False) -> None:
    """Let the worker at *link* know why it ends; *twin*: another has its key."""
    try:
        async with asyncio.timeout(LAST_WORD_S):
            await link.send(Goodbye(reason, twin))
    except (TimeoutError, ProtocolError):
        log.debug("nobody heard: %s", reason)


async def shut_out(link: WorkerLink, reason: str) -> None:
    """Let a worker know that it is shut out; a polite one stops probing first."""
    try:
        async with asyncio.timeout(LAST_WORD_S):
            # Above all versions that it may hold, and without any job.
            await link.link.send(Desired(link.outbox.version + 1, None, ()))
            await link.link.send(Goodbye(reason))
    except (TimeoutError, ProtocolError):
        log.debug("worker %s did not hear why its link ends", link.worker.name)


async def leave(link: WorkerLink, reason: str) -> None:
    """Take leave of a worker, and close its link."""
    try:
        async with asyncio.timeout(GOODBYE_S):
            await link.link.send(Goodbye(reason))
            await link.link.close()
    except (TimeoutError, ProtocolError):
        log.debug("worker %s heard no goodbye", link.worker.name)
