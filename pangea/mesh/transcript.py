"""The running hash, chaining key and one-time keys of a PANGEA-HS1 handshake."""

from hashlib import blake2b

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from pangea.mesh.refusal import Refusal, Refused

_NAME = b"PANGEA-HS1 X25519 Ed25519 XChaCha20Poly1305 BLAKE2b"
_ZERO_NONCE = bytes(24)


def digest(data: bytes, person: str, *, key: bytes = b"", size: int = 32) -> bytes:
    """Return BLAKE2b (RFC 7693) of *data*: the only hash of the mesh.

    *person* separates the uses and is different for each; *size* is in bytes.
    """
    return blake2b(data, digest_size=size, key=key, person=person.encode()).digest()


class Transcript:
    """Binds every byte said so far; both sides hold the same one or fail.

    A key made by `mix_key` seals or opens exactly once and is gone then, which
    is what makes the constant nonce safe.
    """

    def __init__(self, prologue: bytes) -> None:
        self._hash = digest(_NAME + b"\0" + prologue, "pangea1.init")
        self._chain = self._hash
        self._key: bytes | None = None

    @property
    def hash(self) -> bytes:
        """What was said so far, in 32 bytes."""
        return self._hash

    def mix_hash(self, data: bytes) -> None:
        """Bind *data*, which both sides have seen."""
        self._hash = digest(self._hash + data, "pangea1.hash")

    def mix_key(self, secret: bytes) -> None:
        """Let *secret* into everything that is derived from here on."""
        both = digest(secret, "pangea1.kdf", key=self._chain, size=64)
        self._chain, self._key = both[:32], both[32:]

    def seal(self, plain: bytes) -> bytes:
        """Return *plain* sealed with the current key, and bind the result."""
        sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(
            plain, self._hash, _ZERO_NONCE, self._take_key()
        )
        self.mix_hash(sealed)
        return sealed

    def open(self, sealed: bytes) -> bytes:
        """Return what `seal` was given, or raise `Refused`."""
        try:
            plain = crypto_aead_xchacha20poly1305_ietf_decrypt(
                sealed, self._hash, _ZERO_NONCE, self._take_key()
            )
        except CryptoError as error:
            raise Refused(Refusal.SEAL, "the seal does not open") from error
        self.mix_hash(sealed)
        return plain

    def split(self) -> tuple[bytes, bytes, bytes]:
        """Return (key initiator to responder, key back, session id); 32 bytes each."""
        both = digest(self._hash, "pangea1.split", key=self._chain, size=64)
        return both[:32], both[32:], digest(self._hash, "pangea1.sid", key=self._chain)

    def _take_key(self) -> bytes:
        key, self._key = self._key, None
        if key is None:
            raise RuntimeError("a handshake key was asked for twice; it seals once")
        return key
