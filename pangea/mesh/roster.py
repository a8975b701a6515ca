"""Who belongs to the mesh, in the words of its coordinator and under its signature.

A roster is the only reason for one worker to talk to another. It expires, its
version never goes down, and whoever is not on it is a stranger.
"""

from collections.abc import Collection, Iterable, Iterator

import msgspec
from msgspec import Struct
from nacl.exceptions import CryptoError
from nacl.signing import VerifyKey

from pangea.core.errors import ProtocolError
from pangea.core.text import safe_text
from pangea.mesh.session import Signer

#: A roster holds for so long, in seconds; it is issued anew well before.
LIFE_S = 86_400.0
#: So far a roster may come from the future: two clocks are never quite the same.
AHEAD_S = 3_600.0
MAX_NODES = 4_000
MAX_COORDINATORS = 16
MAX_ADDRESSES = 8
MAX_BODY = 1_000_000
#: More than a roster's body has beside its nodes.
_HEAD = 1024
_LABEL = b"PANGEA roster 1\0"
_KEY_SIZE = 32


class RosterNode(Struct, frozen=True, array_like=True):
    """One node: its key, what it is called and is, and where it may be reached."""

    key: bytes
    name: str
    role: str = "worker"
    addresses: tuple[str, ...] = ()
    region: str = ""


class RosterBody(Struct, frozen=True, array_like=True):
    """What is signed; times are microseconds of the coordinator's UTC."""

    version: int
    issued_us: int
    expires_us: int
    coordinators: tuple[bytes, ...]
    nodes: tuple[RosterNode, ...]

    def node(self, key: bytes) -> RosterNode | None:
        """Return the node with that public key."""
        return next((node for node in self.nodes if node.key == key), None)


class SignedRoster(Struct, frozen=True, array_like=True):
    """A packed RosterBody and the signature of its coordinator."""

    body: bytes
    signature: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(RosterBody)


def sign_roster(body: RosterBody, identity: Signer) -> SignedRoster:
    """Return *body* packed and signed by *identity*, a coordinator."""
    packed = _encoder.encode(body)
    return SignedRoster(packed, identity.sign(_LABEL + packed))


def fitting(nodes: Iterable[RosterNode]) -> Iterator[RosterNode]:
    """Yield *nodes* as long as a roster of them is not too large to be sent."""
    left = MAX_BODY - _HEAD
    for node in nodes:
        left -= len(_encoder.encode(node))
        if left < 0:
            return
        yield node


def read_roster(
    signed: SignedRoster,
    coordinators: Collection[bytes],
    *,
    now_us: int,
    newest: int = 0,
) -> RosterBody:
    """Return what *signed* says, or raise `ProtocolError` with the reason.

    It must be signed by one of *coordinators*, hold at *now_us* (the coordinator's
    UTC), and be no older than the version *newest*.
    """
    if len(signed.body) > MAX_BODY:
        raise ProtocolError(f"a roster of {len(signed.body)} bytes is too large")
    if not any(_signed_by(key, signed) for key in coordinators):
        raise ProtocolError("a roster that our coordinator has not signed")
    body = unpack_roster(signed.body)
    _check_shape(body)
    if body.version < newest:
        raise ProtocolError(
            f"an old roster: version {body.version}, we hold {newest} already"
        )
    if body.issued_us > now_us + AHEAD_S * 1e6:
        raise ProtocolError("a roster from the future; is a clock wrong?")
    if body.expires_us <= now_us:
        raise ProtocolError("a roster that has expired; is a clock wrong?")
    return body


def _signed_by(key: bytes, signed: SignedRoster) -> bool:
    try:
        VerifyKey(key).verify(_LABEL + signed.body, signed.signature)
    except (CryptoError, ValueError):
        return False
    return True


def unpack_roster(packed: bytes) -> RosterBody:
    """Return what is in *packed*, unverified; ProtocolError if it is no roster."""
    try:
        return _decoder.decode(packed)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ProtocolError(f"bad roster: {safe_text(str(error), 200)}") from error


def _check_shape(body: RosterBody) -> None:
    """Refuse what no coordinator of ours writes, signed or not."""
    if len(body.nodes) > MAX_NODES or len(body.coordinators) > MAX_COORDINATORS:
        raise ProtocolError("a roster with too many nodes")
    keys = [*body.coordinators, *(node.key for node in body.nodes)]
    if any(len(key) != _KEY_SIZE for key in keys):
        raise ProtocolError("a roster with a key that is none")
    if len({node.key for node in body.nodes}) != len(body.nodes):
        raise ProtocolError("a roster that names a node twice")
    if any(len(node.addresses) > MAX_ADDRESSES for node in body.nodes):
        raise ProtocolError("a roster with too many addresses for one node")
    if not 0 <= body.issued_us < body.expires_us <= body.issued_us + LIFE_S * 1e6:
        raise ProtocolError("a roster that holds too long")
