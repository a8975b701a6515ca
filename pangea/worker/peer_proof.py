"""The handshake between peers, from either side."""

from collections.abc import Callable, Sequence

from pangea.core.clock import Clock
from pangea.core.errors import ProtocolError
from pangea.mesh.channel import Channel
from pangea.mesh.handshake import CheckPeer
from pangea.mesh.identity import Identity
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import Link, initiate, respond
from pangea.mesh.replay import ReplayCache


class PeerProof:
    """Proves the cluster's secret and this node's key, and demands the same.

    *secrets* are the cluster's, the current one first.
    """

    def __init__(
        self,
        identity: Identity,
        secrets: Callable[[], Sequence[bytes]],
        info: NodeInfo,
        clock: Clock,
    ) -> None:
        self._identity = identity
        self._secrets = secrets
        self._info = info
        self._clock = clock
        self._replays = ReplayCache()

    async def offer(self, channel: Channel, check: CheckPeer) -> Link:
        """Return a link to the node at the end of *channel*, which we dialled.

        Raises `ProtocolError`; the channel is closed then.
        """
        return await initiate(
            channel,
            self._identity,
            (await self._held(channel))[0],
            self._info,
            check,
            clock=self._clock,
            prologue=channel.prologue,
        )

    async def answer(self, channel: Channel, check: CheckPeer) -> Link:
        """Return a link to the node that dialled us on *channel*.

        Raises `ProtocolError`; the channel is closed then.
        """
        return await respond(
            channel,
            self._identity,
            await self._held(channel),
            self._info,
            check,
            self._replays,
            clock=self._clock,
            prologue=channel.prologue,
        )

    async def _held(self, channel: Channel) -> Sequence[bytes]:
        """Return the secrets; with none yet there are no peers."""
        secrets = self._secrets()
        if not secrets:
            await channel.close()
            raise ProtocolError("this worker holds no cluster secret yet")
        return secrets
