"""Names of incidents: short enough to be typed, and the same for everybody."""

import base64
import hashlib

#: Letters of an id: 50 bits, so that among a million of them two are hardly alike.
ID_LETTERS = 10


def incident_id(org: int, job: int, opened_us: int) -> str:
    """Return the id of an incident: the same for everybody who sees it open."""
    said = f"{org}/{job}/{opened_us}".encode()
    digest = hashlib.blake2b(said, digest_size=8, person=b"incident").digest()
    return base64.b32encode(digest).decode().lower()[:ID_LETTERS]
