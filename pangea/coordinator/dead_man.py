"""The dead man's switch: a URL hears from us while we are well, and else nothing.

Who tells people when the coordinator itself is gone, or can tell nobody any more?
A service elsewhere, that sounds the alarm when this stops.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from pangea.alerts.http import Call, HttpSender
from pangea.alerts.notifier import NotSent, Refused
from pangea.alerts.sending import hidden_parts, scrubbed

from .outbox import Outbox

if TYPE_CHECKING:
    from .coordinator import Coordinator

log = logging.getLogger(__name__)

#: A beat may take so long; after one that failed the next comes no later than this.
TIMEOUT_S, AGAIN_S = 20.0, 15.0
#: Who looks every second and has not for so long does not judge any more.
STUCK_S = 30.0


class DeadMan:
    """Calls *url* every *every_s* seconds; ``run`` until cancelled."""

    def __init__(self, coordinator: "Coordinator", outbox: Outbox) -> None:
        self._c, self._outbox = coordinator, outbox
        self._http, self._url, self._every_s = HttpSender(), "", 60.0
        #: Whoever knows the URL may call it, and what goes wrong is shown to all.
        self._secrets: list[str] = []
        #: Beats that arrived, and why the last one did not, or was not sent.
        self.beats, self.trouble = 0, ""

    def configure(self, url: str, every_s: float, http: HttpSender) -> None:
        """Beat there from now on; nowhere without a *url*."""
        self._url, self._every_s, self._http = url, every_s, http
        self._secrets = hidden_parts([url] if url else [])

    async def run(self) -> None:
        """Beat, until cancelled."""
        if not self._url:
            return
        while True:
            good = await self.beat()
            again_s = self._every_s if good else min(self._every_s, AGAIN_S)
            await asyncio.sleep(again_s)

    async def beat(self) -> bool:
        """Call the URL if we are well; tell whether it answered."""
        before, self.trouble = self.trouble, self.unwell()
        if self.trouble:
            self.trouble = f"it is not called: {self.trouble}"
        else:
            await self._call()
        if self.trouble and self.trouble != before:
            log.warning("heartbeat_url: %s", self.trouble)
        elif before and not self.trouble:
            log.info("heartbeat_url: it is called again")
        return not self.trouble

    async def _call(self) -> None:
        call = Call("GET", self._url, {}, b"")
        try:
            async with asyncio.timeout(min(TIMEOUT_S, self._every_s)):
                await self._http.send(call)
            self.beats += 1
        except (NotSent, Refused) as error:
            self.trouble = scrubbed(error, self._secrets)
        except TimeoutError:
            self.trouble = "it does not answer in time"

    def unwell(self) -> str:
        """Return why nobody may rely on us now, "" if all is well."""
        c = self._c
        if c.intake.trouble:
            return f"results cannot be stored: {c.intake.trouble}"
        if c.watch.doubt:
            return "this coordinator seems to be cut off"
        if c.watch.looked_before_s() > STUCK_S:
            return "nothing is judged"
        if c.board.jobs and not c.board.connected:
            return "no worker is connected"
        if self._outbox.is_mute:
            return "no channel takes a message"
        return ""

    def troubles(self) -> list[str]:
        """Return what is wrong with it, for a person."""
        return [f"heartbeat_url: {self.trouble}"] if self.trouble else []
