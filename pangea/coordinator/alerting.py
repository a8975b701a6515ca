"""Everything that tells people, wired: channels, and what is sent over them."""

import asyncio
from typing import TYPE_CHECKING

from pangea.alerts.tools import tools_of
from pangea.core.config import NodeConfig
from pangea.vault import Vault

from .ack_links import AckLinks
from .channels import Channels
from .dead_man import DeadMan
from .mail_look import MailLook
from .own_mail import OwnMail
from .paging import Paging

if TYPE_CHECKING:
    from .coordinator import Coordinator


class Alerting:
    """Who is told of what, and how."""

    def __init__(self, coordinator: "Coordinator", vault: Vault) -> None:
        self.channels = Channels(coordinator.store, vault)
        #: What this coordinator is called in messages.
        self.name = ""
        self.paging = Paging(coordinator, self.channels, vault.derive("outbox"))
        self.acks = AckLinks(coordinator, self.channels, vault.derive("ack-link"))
        self.paging.outbox.wording.links = self.acks
        self.paging.outbox.wording.dress = MailLook(coordinator).dress
        self.own_mail = OwnMail(coordinator.store, coordinator.clock)
        self.dead_man = DeadMan(coordinator, self.paging.outbox)
        self.channels.users.append(self.paging.users)
        self.channels.changed.append(self.paging.channels_changed)

    def configure(self, config: NodeConfig) -> None:
        """Send as the configuration says, from now on."""
        self.name, public = config.node.name, config.server.public
        tools = tools_of(config.alerts, config.smtp, public=public)
        self.channels.equip(tools)
        self.own_mail.configure(config.smtp, self.name)
        every_s = config.alerts.heartbeat_every
        self.dead_man.configure(config.alerts.heartbeat_url, every_s, tools.http)

    async def load(self) -> None:
        """Read what the database holds."""
        await self.channels.load()
        await self.paging.load()

    async def run(self) -> None:
        """Tell people, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.paging.run(), name="paging")
            tasks.create_task(self.dead_man.run(), name="dead-man")
            tasks.create_task(self.own_mail.run(), name="own-mail")

    def reached_at(self, url: str) -> None:
        """Let messages link to *url*, where people reach this site."""
        self.paging.outbox.wording.url = url.rstrip("/")

    def troubles(self) -> list[str]:
        """Return which channels take no message, for a person."""
        own = self.dead_man.troubles() + self.own_mail.troubles()
        return self.paging.outbox.troubles() + own

    async def stop(self) -> None:
        """Begin to send nothing more, and let what is being sent arrive."""
        await self.paging.outbox.finish()
