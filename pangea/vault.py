"""Secrets at rest: sealed with a key of this state directory.

A sealed value is bound to where it belongs (its *place*), so that it cannot be
moved to another row. The key is ``vault.key``; a copy of the database alone
gives nothing away.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nacl.exceptions import CryptoError
from nacl.secret import Aead
from nacl.utils import random

from pangea.core.errors import ConfigError
from pangea.mesh.private_file import create_private, read_private

#: A sealed option is stored as a table with this one key.
SEALED = "$sealed"


class Vault:
    """Seals and opens text with XChaCha20-Poly1305."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._box = Aead(key)

    @classmethod
    def load_or_create(cls, path: Path) -> "Vault":
        """Return the vault whose key is in *path*; make it if there is none."""
        key = read_private(path)
        if key is None:
            key = random(Aead.KEY_SIZE)
            create_private(path, key)
        if len(key) != Aead.KEY_SIZE:
            raise ConfigError(
                f"{path} has {len(key)} bytes, a vault key has {Aead.KEY_SIZE}",
                hint="restore it from a backup: without it no stored secret opens",
            )
        return cls(key)

    def seal(self, plain: bytes, place: str) -> bytes:
        """Return *plain* sealed for *place*."""
        return bytes(self._box.encrypt(plain, place.encode()))

    def open(self, sealed: bytes, place: str) -> bytes:
        """Return what was sealed for *place*; ConfigError if it does not open."""
        try:
            return self._box.decrypt(sealed, place.encode())
        except CryptoError as error:
            raise ConfigError(
                f"the secret of {place} does not open with this vault.key",
                hint="restore the vault.key that belongs to this database",
            ) from error

    def derive(self, place: str) -> bytes:
        """Return 32 bytes that follow from the key and *place* alone."""
        name = place.encode()
        return hashlib.blake2b(
            name, digest_size=32, key=self._key, person=b"pangea1.derive"
        ).digest()

    def seal_options(
        self, options: Mapping[str, Any], secret: frozenset[str], place: str
    ) -> dict[str, Any]:
        """Return *options* with the *secret* ones sealed."""
        return {
            name: {SEALED: self.seal(str(value).encode(), f"{place}/{name}")}
            if name in secret and value is not None
            else value
            for name, value in options.items()
        }

    def open_options(self, options: Mapping[str, Any], place: str) -> dict[str, Any]:
        """Return *options* with what is sealed opened."""
        return {
            name: self.open(value[SEALED], f"{place}/{name}").decode()
            # Nobody can write bytes: what a person called so was never sealed.
            if isinstance(value, dict) and isinstance(value.get(SEALED), bytes)
            else value
            for name, value in options.items()
        }
