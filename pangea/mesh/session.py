"""What goes into a handshake, a node key, and what comes out of it, a session."""

from dataclasses import dataclass, field
from typing import Protocol

from pangea.mesh.info import NodeInfo


class Signer(Protocol):
    """A node key: its public half, and signatures with the other."""

    @property
    def public_key(self) -> bytes:
        """The 32 bytes of the Ed25519 public key."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature of *data*."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What both sides hold after the handshake; the keys are for one session.

    ``secret_index`` says which of the responder's secrets the peer proved (always
    0 on the initiator), and ``secret_id`` how that one is called ("" on the
    initiator, and for a token); ``hint`` tells the token if ``kind`` is `KIND_TOKEN`.
    """

    send_key: bytes = field(repr=False)
    receive_key: bytes = field(repr=False)
    sid: bytes
    final_hash: bytes
    peer_key: bytes
    peer_info: NodeInfo
    version: int
    kind: int
    hint: bytes
    secret_index: int = 0
    secret_id: str = ""
