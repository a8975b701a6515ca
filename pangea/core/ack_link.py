"""The link by which a message is acknowledged: signed, for one incident and channel.

Whoever holds it may acknowledge that incident once, and nothing else. It is bound to
where the message went: if the recipients of the channel change it is worth nothing.
"""

import base64
import binascii
import hashlib
import hmac

import msgspec
from msgspec import Struct

#: A link is good for so long after the message was made.
LASTS_S = 7 * 86400
#: Bytes of the signature, and characters of a token at most.
_MAC, LONGEST = 16, 200


class AckLink(Struct, frozen=True, array_like=True):
    """What a link is for: the *told* notification, and until when (seconds of UTC).

    ``reopened`` counts how often the incident had opened again: a link of before
    does not acknowledge what came after.
    """

    org: int
    incident: str
    reopened: int
    channel: int
    told: str
    until_s: int


class Signed(Struct, frozen=True):
    """A link as it came, not believed yet, and what was said to prove it."""

    link: AckLink
    mac: bytes

    @property
    def number(self) -> str:
        """What a link that was used is remembered by; it does not give it away."""
        return hashlib.blake2b(self.mac, digest_size=8).hexdigest()

    def is_genuine(self, key: bytes, recipients: str) -> bool:
        """Tell whether we made it, for whoever *recipients* still are."""
        return hmac.compare_digest(self.mac, _mac(self.link, key, recipients))


def make_token(link: AckLink, key: bytes, recipients: str) -> str:
    """Return *link* signed, as it stands in a URL."""
    raw = _mac(link, key, recipients) + msgspec.msgpack.encode(link)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def read_token(token: str) -> Signed | None:
    """Return what *token* says, None if it cannot be one."""
    if len(token) > LONGEST or not token.isascii():
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
        link = msgspec.msgpack.decode(raw[_MAC:], type=AckLink)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None
    return Signed(link, raw[:_MAC])


def _mac(link: AckLink, key: bytes, recipients: str) -> bytes:
    said = msgspec.msgpack.encode((link, recipients))
    return hashlib.blake2b(
        said, digest_size=_MAC, key=key, person=b"pangea1.ack"
    ).digest()
