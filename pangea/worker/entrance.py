"""The first words on a link: let in, or asked to wait for a person, or refused."""

import asyncio
import logging

from pangea.core.clock import Clock
from pangea.core.errors import LinkClosed, ProtocolError
from pangea.core.text import safe_text
from pangea.mesh.link import Link
from pangea.mesh.messages import Goodbye, Heartbeat, HeartbeatAck, Message, Welcome

from .credentials import Credentials

log = logging.getLogger(__name__)

HEARTBEAT_S = 5.0
SILENCE_S = 4 * HEARTBEAT_S


class Displaced(LinkClosed):
    """A later process with our key is with the coordinator."""


class Entrance:
    """Waits on *link* until the coordinator has let this worker in.

    *own_id* and *name* are how this worker is called by its key and by itself.
    """

    def __init__(
        self,
        link: Link,
        clock: Clock,
        credentials: Credentials | None = None,
        own_id: str = "",
        name: str = "",
    ) -> None:
        self._link = link
        self._clock = clock
        self._credentials = credentials
        self._own_id = own_id
        self._name = name

    async def enter(self) -> Welcome:
        """Return the welcome that lets us in; while we wait nothing is lost.

        Raises LinkClosed if the coordinator is gone or refuses in words, Displaced
        if that is for our twin, and ProtocolError for anything that is no welcome.
        """
        said = await self._word()
        if isinstance(said, Welcome) and said.status == "pending":
            log.warning(
                "waiting for approval; results are kept meanwhile. On the coordinator: "
                "pangea worker approve %s",
                self._own_id,
            )
            said = await self._wait()
        welcome = _let_in(said)
        if welcome.secrets and self._credentials:
            await asyncio.to_thread(self._credentials.keep, welcome.secrets)
        self._greet(welcome)
        return welcome

    async def _wait(self) -> Message:
        """Return the first word that is not about a heartbeat."""
        beating = asyncio.create_task(self._beat(), name="beat while waiting")
        try:
            said = await self._word()
            while isinstance(said, HeartbeatAck):
                said = await self._word()
            return said
        finally:
            beating.cancel()
            await asyncio.wait([beating])

    async def _word(self) -> Message:
        try:
            async with asyncio.timeout(SILENCE_S):
                return await self._link.receive()
        except TimeoutError as error:
            raise LinkClosed(f"no word within {SILENCE_S:g} s") from error

    async def _beat(self) -> None:
        try:
            while True:
                sent_us = round(self._clock.wall() * 1e6)
                await self._link.send(Heartbeat(sent_us))
                await asyncio.sleep(HEARTBEAT_S)
        except ProtocolError as error:
            log.debug("no heartbeat while waiting: %s", error)

    def _greet(self, welcome: Welcome) -> None:
        name = safe_text(welcome.name, 63)
        log.info("joined as %s", name)
        ours = self._name.lower().strip("-._")
        told = ""
        if self._credentials:
            told, self._credentials.called = self._credentials.called, name
        if ours and name not in (ours, told):
            log.warning(
                "this worker calls itself %s, but is %s here: that name was taken, or "
                "a person has renamed it; see `pangea worker rename`",
                self._name,
                name,
            )


def _let_in(said: Message) -> Welcome:
    if isinstance(said, Goodbye):
        kind = Displaced if said.twin else LinkClosed
        raise kind(f"the coordinator refuses: {safe_text(said.reason, 300)}")
    if not isinstance(said, Welcome):
        raise ProtocolError(f"expected a welcome, got {type(said).__name__}")
    if said.status != "approved":
        raise ProtocolError(f"the coordinator says: {safe_text(said.status)}")
    return said
