"""Who this node is: an Ed25519 key in a file, and the id that people read."""

import base64
from dataclasses import dataclass, field
from pathlib import Path

from nacl.signing import SigningKey
from nacl.utils import random

from pangea.core.errors import ConfigError, UsageError
from pangea.core.text import safe_text
from pangea.mesh.private_file import create_private, read_private
from pangea.mesh.transcript import digest

_SEED_SIZE = 32
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_PART = 8
_GROUP = 6


@dataclass(frozen=True, slots=True)
class Identity:
    """A node key. It signs, and does nothing else."""

    _key: SigningKey = field(repr=False)

    @property
    def public_key(self) -> bytes:
        """The 32 bytes of the public key: what is pinned and compared."""
        return bytes(self._key.verify_key)

    @property
    def id(self) -> str:
        """The public key as people read it; see `node_id`."""
        return node_id(self.public_key)

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature of *data* (RFC 8032)."""
        return self._key.sign(data).signature


def load_or_create(path: Path) -> Identity:
    """Return the identity whose 32-byte seed is in *path*; make it if missing.

    Raises `ConfigError` if the file is not ours, readable by others or damaged.
    """
    seed = read_private(path)
    if seed is None:
        seed = random(_SEED_SIZE)
        try:
            create_private(path, seed)
        except FileExistsError:
            return load_or_create(path)
    if len(seed) != _SEED_SIZE:
        raise ConfigError(
            f"{path} has {len(seed)} bytes, a node key has {_SEED_SIZE}",
            hint="restore it from a backup, or remove it to become a new node",
        )
    return Identity(SigningKey(seed))


def node_id(public_key: bytes) -> str:
    """Return the id of a node: six groups of six letters and digits.

    It is base32 of the first 20 bytes of BLAKE2b of the key; after each eight
    characters stands a check character, so a slip of the pen is noticed.
    """
    short = digest(public_key, "pangea1.nodeid")[:20]
    text = base64.b32encode(short).decode("ascii").lower()
    parts = (text[at : at + _PART] for at in range(0, len(text), _PART))
    return _grouped("".join(part + _check_character(part) for part in parts))


def parse_node_id(text: str) -> str:
    """Return *text*, a node id typed by a person, as `node_id` writes it.

    Case and separators do not matter. Raises `UsageError` if it is none.
    """
    given = text.strip().lower().replace("-", "").replace(" ", "")
    size = _PART + 1
    parts = [given[at : at + size] for at in range(0, len(given), size)]
    if len(given) != 4 * size or not set(given) <= set(_ALPHABET):
        raise UsageError(
            f"{safe_text(text, 60)} is not a node id",
            hint="an id has six groups of six characters; see `pangea worker list`",
        )
    for part in parts:
        if _check_character(part[:_PART]) != part[_PART]:
            raise UsageError(
                f"{safe_text(text, 60)} is not a node id: "
                f"there is a slip in {part[:_PART]}",
                hint="compare it with `pangea worker list`",
            )
    return _grouped(given)


def _grouped(text: str) -> str:
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def _check_character(part: str) -> str:
    """Return the Luhn check character of *part*, modulo 32."""
    total = 0
    for place, char in enumerate(reversed(part)):
        value = _ALPHABET.index(char) * (1 if place % 2 else 2)
        total += value // 32 + value % 32
    return _ALPHABET[-total % 32]
