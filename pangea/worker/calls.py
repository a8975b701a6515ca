"""A coordinator that dials this worker, because this worker may not dial it."""

import asyncio
import logging

from pangea.core.errors import ProtocolError
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import Link

from .trust import Trust

log = logging.getLogger(__name__)

ROLE = "coordinator"


class Call:
    """A link that our coordinator has opened to us, until it is ``over``."""

    def __init__(self, link: Link, address: str) -> None:
        self.link = link
        self.address = address
        self.over = asyncio.Event()


class Calls:
    """Lets the coordinator in, and nobody else; the agent serves what comes.

    With *may_be_first* also one that is not known yet, as a worker does that has
    nobody to dial: it trusts the first that proves the cluster's secret.
    """

    def __init__(self, trust: Trust, *, may_be_first: bool) -> None:
        self._trust = trust
        self._may_be_first = may_be_first
        self._waiting: Call | None = None
        self._rang = asyncio.Event()

    def check(self, key: bytes, info: NodeInfo) -> None:
        """Refuse a coordinator that is not ours; ProtocolError says why."""
        self._trust.check(key, info)
        if not (self._trust.pinned or self._may_be_first):
            raise ProtocolError(
                "a coordinator dials this worker, which has joined none yet and was "
                "told where to join"
            )

    async def serve(self, link: Link, address: str) -> None:
        """Hand *link* to the agent, and stay until it is over; a later call wins.

        Raises ProtocolError if another coordinator was pinned while it shook hands.
        """
        self.check(link.peer_key, link.peer_info)
        call = Call(link, address)
        before, self._waiting = self._waiting, call
        if before:
            before.over.set()
        self._rang.set()
        try:
            await call.over.wait()
        finally:
            if self._waiting is call:
                self._waiting = None
                self._rang.clear()

    async def next(self) -> Call:
        """Return the next call; nothing is lost if this is cancelled."""
        await self._rang.wait()
        call, self._waiting = self._waiting, None
        self._rang.clear()
        if call is None:
            return await self.next()
        return call
