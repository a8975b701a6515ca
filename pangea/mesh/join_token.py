"""Join tokens: what one new node needs to join, in one line of text.

::

    pangea-join-1.<base64url( id 8 | secret 32 | key 32 | expiry 8 | addresses )>.<sum>

``key`` is the coordinator's public key, so whoever joins by a token knows whom to
trust before the first word; ``expiry`` is seconds since 1970, and ``addresses`` are
separated by commas. The sum finds slips in copying and proves nothing.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from nacl.utils import random

from pangea.core.errors import PangeaError, UsageError
from pangea.mesh.dial import parse_join
from pangea.mesh.first_message import NO_HINT
from pangea.mesh.transcript import digest

PREFIX = "pangea-join-"
MAX_ADDRESSES = 8
_MAX_TEXT = 4096
_HEAD = 8 + 32 + 32 + 8
_TEXT = re.compile(r"pangea-join-1\.([A-Za-z0-9_-]{107,4000})\.([0-9a-f]{8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinToken:
    """A one-time right to join; the 32-byte ``secret`` proves it."""

    id: bytes
    secret: bytes = field(repr=False)
    coordinator_key: bytes
    expires: int
    addresses: tuple[str, ...]

    @classmethod
    def fresh(
        cls, coordinator_key: bytes, expires: float, addresses: Sequence[str]
    ) -> "JoinToken":
        """Return a new token that ends at *expires* (seconds since 1970)."""
        name = random(len(NO_HINT))
        while name == NO_HINT:
            name = random(len(NO_HINT))
        return cls(
            id=name,
            secret=random(32),
            coordinator_key=coordinator_key,
            expires=int(expires),
            addresses=tuple(addresses)[:MAX_ADDRESSES],
        )

    @property
    def proof(self) -> bytes:
        """The secret of the handshake; both sides keep this, not the token's own."""
        return digest(self.secret, "pangea1.jointok")

    @property
    def text(self) -> str:
        """The form that people copy; `parse_token` reads it again."""
        raw = self.id + self.secret + self.coordinator_key
        raw += self.expires.to_bytes(8, "big") + ",".join(self.addresses).encode()
        body = base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")
        return f"{PREFIX}1.{body}.{_checksum(body)}"


def is_token(text: str) -> bool:
    """Tell whether *text* is meant as a join token, whole or not."""
    return text.strip().startswith(PREFIX)


def parse_token(text: str) -> JoinToken:
    """Return the token that *text* is, or raise UsageError that tells nothing of it."""
    match = _TEXT.fullmatch(text.strip()[:_MAX_TEXT])
    if match is None:
        raise _bad("it is not of the form pangea-join-1.….…; was it copied whole?")
    body, checksum = match.groups()
    if _checksum(body) != checksum:
        raise _bad("the checksum is wrong; was it copied whole?")
    try:
        raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        said = raw[_HEAD:].decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise _bad("it cannot be read") from error
    addresses = tuple(said.split(",")) if said else ()
    if raw[:8] == NO_HINT or not 1 <= len(addresses) <= MAX_ADDRESSES:
        raise _bad("it names no coordinator")
    try:
        for address in addresses:
            parse_join(address)
    except PangeaError as error:
        raise _bad("one of its addresses is none") from error
    return JoinToken(
        id=raw[:8],
        secret=raw[8:40],
        coordinator_key=raw[40:72],
        expires=int.from_bytes(raw[72:_HEAD], "big"),
        addresses=addresses,
    )


def _checksum(body: str) -> str:
    return hashlib.blake2b(body.encode("ascii"), digest_size=4).hexdigest()


def _bad(why: str) -> UsageError:
    return UsageError(
        f"this is no join token: {why}",
        hint="on the coordinator, `pangea worker token` makes one",
    )
