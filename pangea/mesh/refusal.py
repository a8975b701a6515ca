"""Why a handshake was refused: one word for the counter, one sentence for the log."""

from enum import StrEnum

from pangea.core.errors import ProtocolError


class Refusal(StrEnum):
    """The rules by which a handshake message is refused."""

    ORDER = "order"  # a step out of turn, or after a failure
    SHAPE = "shape"  # length, magic, suite, kind or hint
    SECRET = "secret"  # mac1 matches none of our secrets
    TOKEN = "token"  # no such join token
    REPLAY = "replay"  # this ephemeral key was used before
    REFLECTION = "reflection"  # our own ephemeral key or identity came back
    KEY = "key"  # an ephemeral key of low order
    SEAL = "seal"  # the seal does not open
    SIGNATURE = "signature"
    INFO = "info"  # what the peer says of itself is malformed
    VERSION = "version"  # no version that both sides speak
    PEER = "peer"  # not the one we want: pin, role, revocation
    CLOSED = "closed"  # the peer went away; it does not say why
    TIMEOUT = "timeout"


class Refused(ProtocolError):
    """A handshake ended; ``reason`` is for counters, nothing is told to the peer."""

    def __init__(self, reason: Refusal, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
