"""What is said of peers: among them, and between each and its coordinator.

All of it came with version 2 of the mesh.
"""

from pangea.core.peer_stats import PeerState
from pangea.mesh.message import Message


class Roster(Message, frozen=True, array_like=True, tag=True):
    """Coordinator to worker, or peer to peer: who belongs to the mesh, signed."""

    since = 2
    body: bytes
    signature: bytes


class Ping(Message, frozen=True, array_like=True, tag=True):
    """Peer to peer, every few seconds; ``sent_us`` is the sender's wall time.

    ``heard_ms`` ago the sender heard the receiver last (-1: never), ``roster`` is
    the version that the sender holds.
    """

    since = 2
    number: int
    sent_us: int
    heard_ms: int = -1
    roster: int = 0


class Pong(Message, frozen=True, array_like=True, tag=True):
    """The answer to a Ping, with the other two timestamps of its sender."""

    since = 2
    number: int
    received_us: int
    answered_us: int


class PeerReport(Message, frozen=True, array_like=True, tag=True):
    """Worker to coordinator: what changed between it and its peers.

    With ``whole`` it is all that it knows; ``stale`` if its roster has expired.
    """

    since = 2
    peers: tuple[PeerState, ...]
    whole: bool = False
    stale: bool = False


class AskPeer(Message, frozen=True, array_like=True, tag=True):
    """Coordinator to worker: do you hear the node with this key? Answer at once."""

    since = 2
    number: int
    key: bytes


class PeerSaid(Message, frozen=True, array_like=True, tag=True):
    """The answer to AskPeer: whether it was heard since the question came."""

    since = 2
    number: int
    heard: bool
