"""Everything that tells people, wired: channels, and what is sent over them."""

from typing import TYPE_CHECKING

from pangea.alerts.tools import tools_of
from pangea.core.config import NodeConfig
from pangea.vault import Vault

from .channels import Channels

if TYPE_CHECKING:
    from .coordinator import Coordinator


class Alerting:
    """Who is told of what, and how."""

    def __init__(self, coordinator: "Coordinator", vault: Vault) -> None:
        self.channels = Channels(coordinator.store, vault)

    def configure(self, config: NodeConfig) -> None:
        """Send as the configuration says, from now on."""
        public = config.server.public
        self.channels.equip(tools_of(config.alerts, config.smtp, public=public))

    async def load(self) -> None:
        """Read what the database holds."""
        await self.channels.load()
