"""The handshake between peers, from either side."""

from collections.abc import Awaitable, Callable, Sequence

from pangea.core.clock import Clock
from pangea.core.errors import ProtocolError
from pangea.mesh.channel import Channel
from pangea.mesh.handshake import CheckPeer
from pangea.mesh.identity import Identity
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import Link, initiate, respond
from pangea.mesh.refusal import Refusal, Refused
from pangea.mesh.replay import ReplayCache

#: How a channel to a peer is opened, once for each secret.
Way = Callable[[], Awaitable[Channel]]


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

    async def offer(self, way: Way, check: CheckPeer) -> Link:
        """Return a link to the node to which *way* opens a channel.

        During a rotation it may hold fewer secrets than we do: who refuses the
        current one, which it may not tell, is offered the others, each on a channel
        of its own. Raises `ProtocolError`, and what *way* raises.
        """
        *others, last = self._held()
        for secret in others:
            try:
                return await self._initiate(await way(), secret, check)
            except Refused as error:
                if error.reason is not Refusal.CLOSED:
                    raise
        return await self._initiate(await way(), last, check)

    async def _initiate(
        self, channel: Channel, secret: bytes, check: CheckPeer
    ) -> Link:
        return await initiate(
            channel,
            self._identity,
            secret,
            self._info,
            check,
            clock=self._clock,
            prologue=channel.prologue,
        )

    async def answer(self, channel: Channel, check: CheckPeer) -> Link:
        """Return a link to the node that dialled us on *channel*.

        Raises `ProtocolError`; the channel is closed then.
        """
        try:
            held = self._held()
        except ProtocolError:
            await channel.close()
            raise
        return await respond(
            channel,
            self._identity,
            held,
            self._info,
            check,
            self._replays,
            clock=self._clock,
            prologue=channel.prologue,
        )

    def _held(self) -> Sequence[bytes]:
        """Return the secrets; with none yet there are no peers."""
        secrets = self._secrets()
        if not secrets:
            raise ProtocolError("this worker holds no cluster secret yet")
        return secrets
