"""What seals a backup: a pass phrase that a person knows, or a file with a key."""

import hashlib
import hmac
import os
from pathlib import Path
from typing import Literal

from msgspec import Struct
from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id
from nacl.utils import random

from pangea.core.errors import ConfigError, NotAllowed, StorageError, UsageError
from pangea.mesh.private_file import read_private

KEY_SIZE = 32
SHORTEST = 8
LONGEST = 1024
#: Of one guess: half a second of a core and 256 MiB.
OPS, MEMORY = argon2id.OPSLIMIT_MODERATE, argon2id.MEMLIMIT_MODERATE
#: A file may ask us for no more than that.
MOST_OPS, MOST_MEMORY = 16, 1 << 30

Kind = Literal["passphrase", "key-file"]
HOW: dict[Kind, str] = {
    "passphrase": "a pass phrase: leave --key-file out",
    "key-file": "a key file: name it with --key-file",
}


class Terms(Struct, frozen=True, forbid_unknown_fields=True):
    """How the key of one backup follows from what a person has.

    ``ops`` and ``memory`` (bytes) are those of argon2id, 0 for a key file;
    ``check`` tells the right key from a wrong one, and nothing else.
    """

    kind: Kind
    salt: bytes
    check: bytes
    ops: int = 0
    memory: int = 0


class Given(Struct, frozen=True):
    """What a person has: a pass phrase, or the content of a key file."""

    kind: Kind
    secret: bytes

    def __repr__(self) -> str:
        """Show everything but the secret."""
        return f"Given({self.kind!r})"

    def fresh(self) -> tuple[Terms, bytes]:
        """Return the terms of a new backup, and its key."""
        salt = random(argon2id.SALTBYTES)
        ops, memory = (OPS, MEMORY) if self.kind == "passphrase" else (0, 0)
        key = self._derive(salt, ops, memory)
        return Terms(self.kind, salt, _check(key), ops, memory), key

    def key_of(self, terms: Terms, where: Path) -> bytes:
        """Return the key of the backup in *where*, made on *terms*.

        Raises UsageError if it is sealed by other means, NotAllowed if this is the
        wrong pass phrase or key, and StorageError for terms that no backup of ours
        has.
        """
        if terms.kind != self.kind:
            raise UsageError(f"{where} is sealed with {HOW[terms.kind]}")
        _bound(terms, where)
        key = self._derive(terms.salt, terms.ops, terms.memory)
        if not hmac.compare_digest(_check(key), terms.check):
            what = "pass phrase" if self.kind == "passphrase" else "key file"
            raise NotAllowed(
                f"that is not the {what} of {where}",
                hint="nothing was changed; try again with the right one",
            )
        return key

    def _derive(self, salt: bytes, ops: int, memory: int) -> bytes:
        if self.kind == "key-file":
            return _hash(self.secret, salt, b"pangea1.bk.file")
        try:
            return argon2id.kdf(KEY_SIZE, self.secret, salt, ops, memory)
        except CryptoError as error:
            raise StorageError(
                f"no {memory >> 20} MiB of memory are free to derive the key",
                hint="end something else on this machine, or use a key file",
            ) from error


def passphrase(text: str) -> Given:
    """Return a pass phrase as it seals; UsageError for one that is too short."""
    secret = text.encode()
    if not SHORTEST <= len(secret) <= LONGEST:
        raise UsageError(
            f"a pass phrase has {SHORTEST} to {LONGEST} bytes, this has {len(secret)}",
            hint="take five words, or a key file: pangea backup --new-key FILE",
        )
    return Given("passphrase", secret)


def read_key(path: Path) -> Given:
    """Return the key in *path*. Raises ConfigError if it holds none."""
    secret = read_private(path)
    if secret is None or len(secret) != KEY_SIZE:
        has = "is not there" if secret is None else f"has {len(secret)} bytes"
        raise ConfigError(
            f"the key file {path} {has}, wanted {KEY_SIZE} bytes",
            hint="make one: pangea backup --new-key FILE",
        )
    return Given("key-file", secret)


def new_key(path: Path) -> None:
    """Make a key file for us alone.

    Raises UsageError if there is one, for it may be the only copy, and for a place
    that we may not write.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(random(KEY_SIZE))
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise UsageError(
            f"{path} is there, and a key is never overwritten",
            hint="name another file",
        ) from None
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def _bound(terms: Terms, where: Path) -> None:
    asked = (terms.ops, terms.memory)
    lowest = (1, argon2id.MEMLIMIT_MIN) if terms.kind == "passphrase" else (0, 0)
    highest = (MOST_OPS, MOST_MEMORY) if terms.kind == "passphrase" else (0, 0)
    sane = all(lo <= n <= hi for lo, n, hi in zip(lowest, asked, highest, strict=True))
    if not sane or len(terms.salt) != argon2id.SALTBYTES:
        raise StorageError(
            f"{where} asks for {terms.ops} rounds over {terms.memory} bytes to open it"
        )


def _check(key: bytes) -> bytes:
    return _hash(key, b"", b"pangea1.bk.check")[:16]


def _hash(key: bytes, data: bytes, person: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32, key=key, person=person).digest()
