"""The first message of PANGEA-HS1: proves a secret and says nothing else."""

from collections.abc import Sequence
from hmac import compare_digest

from pangea.mesh.refusal import Refusal, Refused
from pangea.mesh.transcript import digest

KIND_SECRET = 0
KIND_TOKEN = 1
NO_HINT = bytes(8)

_MAGIC = b"PNG1"
_SUITE = 1
_SIZE = 62


def write_first(secret: bytes, ephemeral: bytes, *, kind: int, hint: bytes) -> bytes:
    """Return M1 for the public *ephemeral* key."""
    head = _MAGIC + bytes((_SUITE, kind)) + hint + ephemeral
    return head + _mac1(secret, head)


def read_first(m1: bytes) -> tuple[int, bytes, bytes]:
    """Return (kind, hint, ephemeral key) of M1, unproven, or raise `Refused`."""
    if len(m1) != _SIZE:
        message = f"the first message has {len(m1)} bytes, not {_SIZE}"
        raise Refused(Refusal.SHAPE, message)
    if m1[:4] != _MAGIC or m1[4] != _SUITE:
        raise Refused(Refusal.SHAPE, "the first message is not PANGEA-HS1's")
    kind, hint = m1[5], m1[6:14]
    if kind not in (KIND_SECRET, KIND_TOKEN) or (kind == KIND_SECRET) != (
        hint == NO_HINT
    ):
        raise Refused(Refusal.SHAPE, f"kind {kind} with the hint {hint.hex()}")
    return kind, hint, m1[14:46]


def proven_secret(m1: bytes, candidates: Sequence[bytes]) -> int:
    """Return the index of the candidate that M1 proves, or raise `Refused`."""
    # All are tried, whichever fits: the time must not tell which one did.
    matches = [compare_digest(_mac1(key, m1[:46]), m1[46:]) for key in candidates]
    if True not in matches:
        raise Refused(Refusal.SECRET, "the peer does not hold our cluster secret")
    return matches.index(True)


def mixed_secret(secret: bytes) -> bytes:
    """Return what of *secret* goes into the chaining key; never the secret itself."""
    return digest(b"", "pangea1.psk", key=secret)


def _mac1(secret: bytes, head: bytes) -> bytes:
    key = digest(b"", "pangea1.mac1key", key=secret)
    return digest(head, "pangea1.mac1", key=key, size=16)
