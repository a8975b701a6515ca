"""A link: a channel on which both sides have proven who they are."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from pangea.core.clock import Clock
from pangea.core.errors import LinkClosed, ProtocolError
from pangea.mesh.channel import Channel, WebSocketChannel
from pangea.mesh.first_message import KIND_SECRET, NO_HINT
from pangea.mesh.handshake import CheckPeer, FindToken, Initiator, Responder
from pangea.mesh.info import NodeInfo, write_info
from pangea.mesh.messages import Goodbye, Message, Welcome, decode, encode
from pangea.mesh.refusal import Refusal, Refused
from pangea.mesh.replay import ReplayCache
from pangea.mesh.session import Session, Signer
from pangea.mesh.stream import Opener, Sealer

HANDSHAKE_SECONDS = 5.0
_FAREWELL_SECONDS = 2.0
_COORDINATOR = "coordinator"
#: Why the other side may have ended the handshake, by how far it had come.
NO_SECRET = (
    "the other node does not hold the cluster secret of this one; compare the ids: "
    "`pangea doctor` prints ours, `pangea secret rotate status` the coordinator's"
)
NO_TOKEN = (
    "the join token has expired, was used already, or is another cluster's; "
    "make a new one on the coordinator: `pangea worker token`"
)
_NOT_ADMITTED = (
    "the secret is right, but this node is not admitted: it was revoked; "
    "see `pangea worker list` on the coordinator"
)
_NOT_BY_TOKEN = (
    "the join token was used by another node already, or this node was revoked; "
    "make a new token on the coordinator: `pangea worker token`"
)
_SLOW = "the other node is overloaded, or that is no Pangea port"
_STRANGER = "a node that does not hold our secret tried to join, or went away"


async def initiate(
    channel: Channel,
    identity: Signer,
    secret: bytes,
    info: NodeInfo,
    check_peer: CheckPeer,
    *,
    clock: Clock,
    prologue: bytes = b"tcp",
    timeout: float = HANDSHAKE_SECONDS,
    kind: int = KIND_SECRET,
    hint: bytes = NO_HINT,
) -> "Link":
    """Return a link to the node that was dialled.

    *check_peer* gets the peer's proven key and info before we name ourselves.
    Raises `ProtocolError`; the channel is closed then.
    """
    side = Initiator(
        identity,
        secret,
        write_info(info),
        check_peer,
        kind=kind,
        hint=hint,
        prologue=prologue,
    )
    step = _Step(NO_SECRET if kind == KIND_SECRET else NO_TOKEN)
    async with _handshake(channel, timeout, step):
        await channel.send(side.start())
        m3, session = side.finish(await channel.receive())
        step.hint = _NOT_ADMITTED if kind == KIND_SECRET else _NOT_BY_TOKEN
        await channel.send(m3)
        sealer, opener = await _exchange_headers(channel, session, clock)
    admits = _admits(info.role, session.peer_info.role, responder=False)
    return Link(channel, session, sealer, opener, clock, admits=admits)


async def respond(
    channel: Channel,
    identity: Signer,
    secrets: Sequence[bytes],
    info: NodeInfo,
    check_peer: CheckPeer,
    replays: ReplayCache,
    *,
    clock: Clock,
    prologue: bytes = b"tcp",
    timeout: float = HANDSHAKE_SECONDS,
    find_token: FindToken | None = None,
) -> "Link":
    """Return a link to the node that dialled us.

    Raises `ProtocolError`; the channel is closed then, and the peer learns nothing.
    """
    side = Responder(
        identity,
        secrets,
        write_info(info),
        check_peer,
        replays,
        find_token=find_token,
        prologue=prologue,
    )
    async with _handshake(channel, timeout, _Step(_STRANGER)):
        await channel.send(side.answer(await channel.receive(), clock.monotonic()))
        session = side.finish(await channel.receive())
        sealer, opener = await _exchange_headers(channel, session, clock)
    admits = _admits(info.role, session.peer_info.role, responder=True)
    return Link(channel, session, sealer, opener, clock, admits=admits)


class Link:
    """Sealed messages to and from one proven node.

    The side that ``admits`` says Welcome before anything else; until then neither
    side can say or hear another message, and never one that is newer than the link's
    ``version``. ``peer_key``, ``peer_info``, ``version``,
    ``sid``, ``kind``, ``hint``, ``secret_index`` and ``secret_id`` are the session's;
    the four counters are of what was sent and received since. ``cut`` is true if the
    peer went away without saying its last.
    """

    def __init__(
        self,
        channel: Channel,
        session: Session,
        sealer: Sealer,
        opener: Opener,
        clock: Clock,
        *,
        admits: bool,
    ) -> None:
        self.peer_key = session.peer_key
        self.peer_info = session.peer_info
        self.version = session.version
        self.sid = session.sid
        self.kind = session.kind
        self.hint = session.hint
        self.secret_index = session.secret_index
        self.secret_id = session.secret_id
        self.admits = admits
        self.cut = False
        self.bytes_sent = self.bytes_received = 0
        self.messages_sent = self.messages_received = 0
        self.prologue = channel.prologue
        #: The address of the other end, "" if another node carries the link.
        self.remote = channel.remote if isinstance(channel, WebSocketChannel) else ""
        self._channel = channel
        self._sealer = sealer
        self._opener = opener
        self._clock = clock
        self._welcomed = False
        self._closed = False
        # Frames must leave in the order in which they were sealed.
        self._sending = asyncio.Lock()

    def speaks(self, kind: type[Message]) -> bool:
        """Tell whether a message of *kind* may be said on this link."""
        return kind.since <= self.version

    async def send(self, message: Message) -> None:
        """Say *message*; raise `LinkClosed` if the peer is gone.

        Raises `ProtocolError` for one that the link does not speak.
        """
        if not self._welcomed and not self._may_open(message, saying=True):
            raise ProtocolError(
                f"{type(message).__name__} must not be said before Welcome"
            )
        self._check_version(message)
        plain = encode(message)
        async with self._sending:
            if self._closed:
                raise LinkClosed("this link is closed")
            frame = self._sealer.seal(plain, self._clock.monotonic())
            await self._channel.send(frame)
        self.messages_sent += 1
        self.bytes_sent += len(frame)

    async def receive(self) -> Message:
        """Return the next message.

        Raises `LinkClosed` when the peer has said its last or is cut off, and
        `ProtocolError`, with the channel closed, when it said what it must not.
        """
        frame = await self._next_frame()
        try:
            message = self._read(frame)
        except LinkClosed:
            await self._channel.close()
            raise
        except ProtocolError:
            self._closed = True
            await self._channel.close()
            raise
        self.messages_received += 1
        self.bytes_received += len(frame)
        return message

    async def close(self) -> None:
        """Say the last frame if that is still possible, and end the channel."""
        if not self._closed:
            try:
                async with asyncio.timeout(_FAREWELL_SECONDS), self._sending:
                    self._closed = True
                    await self._channel.send(self._sealer.finish())
            except (TimeoutError, ProtocolError):
                pass  # the peer will count the session as cut
            self._closed = True
        await self._channel.close()

    async def _next_frame(self) -> bytes:
        try:
            return await self._channel.receive()
        except LinkClosed as error:
            self.cut = not (self._closed or self._opener.finished)
            raise LinkClosed(f"the link was cut: {error}") from error

    def _read(self, frame: bytes) -> Message:
        plain = self._opener.open(frame)
        if self._opener.finished:
            raise LinkClosed("the peer has closed the link")
        message = decode(plain)
        self._check_version(message)
        if not self._welcomed and not self._may_open(message, saying=False):
            raise ProtocolError(
                f"the peer said {type(message).__name__} before Welcome"
            )
        return message

    def _check_version(self, message: Message) -> None:
        """Keep each link at what both sides know; the one place that does."""
        if not self.speaks(type(message)):
            raise ProtocolError(
                f"{type(message).__name__} is of version {message.since} of the "
                f"mesh, and this link speaks version {self.version}"
            )

    def _may_open(self, message: Message, *, saying: bool) -> bool:
        """Tell whether *message* may be the first; Goodbye is a refusal in words."""
        if isinstance(message, Welcome) and saying == self.admits:
            self._welcomed = True
            return True
        return isinstance(message, Goodbye)


def _admits(ours: str, theirs: str, *, responder: bool) -> bool:
    """Tell whether we say Welcome: the coordinator, else the one that was dialled."""
    if (ours == _COORDINATOR) != (theirs == _COORDINATOR):
        return ours == _COORDINATOR
    return responder


async def _exchange_headers(
    channel: Channel, session: Session, clock: Clock
) -> tuple[Sealer, Opener]:
    sealer = Sealer(session.send_key, clock.monotonic())
    await channel.send(sealer.header)
    return sealer, Opener(session.receive_key, await channel.receive())


class _Step:
    """How far a handshake has come: ``hint`` says what its end would mean now."""

    def __init__(self, hint: str) -> None:
        self.hint = hint


@asynccontextmanager
async def _handshake(
    channel: Channel, timeout: float, step: _Step
) -> AsyncIterator[None]:
    """Close *channel* unless the handshake succeeds within *timeout* seconds."""
    try:
        async with asyncio.timeout(timeout):
            yield
    except TimeoutError as error:
        await channel.close()
        message = f"the handshake was not over after {timeout:g} s"
        raise Refused(Refusal.TIMEOUT, message, hint=_SLOW) from error
    except LinkClosed as error:
        await channel.close()
        message = f"the handshake was refused: {error}"
        raise Refused(Refusal.CLOSED, message, hint=step.hint) from error
    except BaseException:
        await channel.close()
        raise
