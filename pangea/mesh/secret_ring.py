"""The cluster secrets of a node: who holds one may talk to us."""

import base64
import hashlib
import logging
import re
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Self

import msgspec
from nacl.utils import random

from pangea.core.errors import ConfigError
from pangea.mesh.private_file import create_private, read_private, write_private
from pangea.mesh.transcript import digest

log = logging.getLogger(__name__)

MAX_SECRETS = 3
_KEY_SIZE = 32
_MAX_FILE = 65_536
#: Far more than a ring of ours remembers.
_MAX_DROPPED = 256
_TEXT = re.compile(r"pangea-secret-1\.([A-Za-z0-9_-]{43})\.([0-9a-f]{8})")


class SecretState(StrEnum):
    """Where a secret is in its rotation; all three are accepted."""

    NEXT = "next"
    CURRENT = "current"
    OLD = "old"


class Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One generated 256-bit cluster secret; ``created`` is seconds since 1970."""

    id: str
    key: str
    created: int
    state: SecretState = SecretState.CURRENT

    def __repr__(self) -> str:
        """Show everything but the key."""
        return f"Secret(id={self.id!r}, state={self.state.value!r})"

    @property
    def raw(self) -> bytes:
        """The 32 bytes."""
        return bytes.fromhex(self.key)

    @property
    def text(self) -> str:
        """The form that people copy: ``pangea-secret-1.<secret>.<checksum>``."""
        body = base64.urlsafe_b64encode(self.raw).decode("ascii").rstrip("=")
        return f"pangea-secret-1.{body}.{_checksum(body)}"


class SecretRing(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One to three secrets, exactly one of them current.

    ``dropped`` are the ids of secrets that are valid no more, the latest last.
    """

    secrets: tuple[Secret, ...]
    dropped: tuple[str, ...] = ()

    @classmethod
    def fresh(cls, created: float) -> Self:
        """Return a ring with one new secret."""
        return cls((_secret(random(_KEY_SIZE), created),))

    @classmethod
    def parse(cls, content: bytes, created: float = 0.0) -> Self:
        """Return the ring in *content*: JSON, or the bare text of one secret.

        Raises `ValueError` with a sentence that never holds any of *content*.
        """
        stripped = content.strip()
        if not stripped.startswith(b"{"):
            return cls((_parse_text(stripped, created),))
        try:
            ring = msgspec.json.decode(stripped, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError("it is not the JSON of a secret ring") from error
        ring._check()
        return ring

    @property
    def current(self) -> Secret:
        """The secret that we use when we dial."""
        return next(s for s in self.secrets if s.state is SecretState.CURRENT)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of `all`; they can be shown to anybody."""
        return tuple(secret.id for secret in self.all)

    @property
    def all(self) -> tuple[Secret, ...]:
        """Every secret that we accept, the current one first."""
        return tuple(
            sorted(self.secrets, key=lambda s: s.state is not SecretState.CURRENT)
        )

    @property
    def json(self) -> bytes:
        """The form that `parse` reads again, as files and messages hold it."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"

    def _check(self) -> None:
        if len(self.dropped) > _MAX_DROPPED:
            raise ValueError(f"it has dropped more than {_MAX_DROPPED} secrets")
        if not 1 <= len(self.secrets) <= MAX_SECRETS:
            raise ValueError(f"it holds {len(self.secrets)} secrets, not one to three")
        if [s.state for s in self.secrets].count(SecretState.CURRENT) != 1:
            raise ValueError("not exactly one of its secrets is current")
        for secret in self.secrets:
            if not re.fullmatch(r"[0-9a-f]{64}", secret.key):
                raise ValueError("one of its keys is not 64 hexadecimal digits")


def load_or_create(path: Path, wall: Callable[[], float] = time.time) -> SecretRing:
    """Return the ring in *path*; make one with a new secret if there is none.

    Raises `ConfigError` if the file is not ours, readable by others or damaged.
    """
    content = read_private(path)
    if content is None:
        ring = SecretRing.fresh(wall())
        try:
            create_private(path, ring.json)
        except FileExistsError:
            return load_or_create(path, wall)
        return ring
    return _parse_file(path, content)


def save(path: Path, ring: SecretRing) -> None:
    """Put *ring* in the place of *path*, whole or not at all."""
    write_private(path, ring.json)


def load_secret_file(path: Path) -> SecretRing:
    """Return the secrets in a file that somebody handed to us.

    It holds either a ring or the bare text of one secret. Raises `ConfigError`.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE)
            mode = path.stat().st_mode
    except OSError as error:
        raise ConfigError(
            f"cannot read the secret file {path}: {error.strerror}",
            hint="on the coordinator, `pangea secret show` prints what belongs in it",
        ) from error
    if mode & 0o007:
        # Not refused: container secrets are mounted readable for everybody.
        log.warning("everybody on this machine may read the secret file %s", path)
    return _parse_file(path, content)


def _parse_file(path: Path, content: bytes) -> SecretRing:
    try:
        return SecretRing.parse(content)
    except ValueError as error:
        raise ConfigError(
            f"{path} holds no cluster secret: {error}",
            hint="on the coordinator, `pangea secret show` prints what belongs in it",
        ) from error


def _parse_text(content: bytes, created: float) -> Secret:
    match = _TEXT.fullmatch(content.decode("ascii", "replace"))
    if match is None:
        raise ValueError("it is not of the form pangea-secret-1.….…")
    body, checksum = match.groups()
    if _checksum(body) != checksum:
        raise ValueError("the checksum is wrong; was it copied whole?")
    return _secret(base64.urlsafe_b64decode(body + "="), created)


def secret_id(raw: bytes) -> str:
    """Return how a secret is called; it tells nothing of the secret itself."""
    return digest(b"", "pangea1.secretid", key=raw, size=4).hex()


def _secret(raw: bytes, created: float) -> Secret:
    return Secret(id=secret_id(raw), key=raw.hex(), created=int(created))


def _checksum(body: str) -> str:
    # For slips in copying only, so it need not be keyed.
    return hashlib.blake2b(body.encode("ascii"), digest_size=4).hexdigest()
