"""Access codes: how they are made, read and hashed.

A code that Pangea made is 20 characters of Crockford's base32: the first four find
the account, the other sixteen (80 bits) prove it. So one attempt costs one hash,
however many accounts there are.

A code that a person chose (``PANGEA_ACCOUNT_CODES``) may be weak, and storing a part
of it in the clear would make it weaker. All of these are found by the one prefix
``given`` and share one random salt, so that an attempt again costs one hash, which
is compared with each of them. One of these that looks like a made code is looked up
as one first.
"""

import base64
import hmac
import re
import secrets

import nacl.pwhash.argon2id as argon2id

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
GIVEN = "given"
SHORTEST = 8
LONGEST = 128
#: 73 ms a hash where it was measured; OWASP's floor is 19 MiB with two passes.
PASSES, MEMORY = 2, 64 * 1024 * 1024
_MADE = re.compile(f"[{ALPHABET}]{{20}}")
_READ_AS = str.maketrans("OIL", "011", "- ")


def make_code() -> str:
    """Return a fresh code in groups of four."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(20))
    return "-".join(letters[at : at + 4] for at in range(0, 20, 4))


def read_code(code: str) -> tuple[str, str]:
    """Return the prefix that finds the account, and the code as it is hashed.

    A made code may be typed with or without dashes, in either case, and with O, I
    and L for 0 and 1; a chosen code counts as it is, without surrounding spaces.
    """
    given = code.strip()[:LONGEST]
    made = given.upper().translate(_READ_AS)
    if _MADE.fullmatch(made):
        return made[:4], made
    return GIVEN, given


def new_salt() -> bytes:
    """Return a random salt."""
    return secrets.token_bytes(argon2id.SALTBYTES)


def hash_code(code: str, salt: bytes) -> str:
    """Return the argon2id hash of a code as text; slow by intent."""
    key = argon2id.kdf(32, code.encode(), salt, opslimit=PASSES, memlimit=MEMORY)
    parts = (base64.b64encode(part).decode().rstrip("=") for part in (salt, key))
    return f"$argon2id$v=19$m={MEMORY // 1024},t={PASSES},p=1${'$'.join(parts)}"


def salt_of(code_hash: str) -> bytes:
    """Return the salt in a hash."""
    text = code_hash.split("$")[4]
    return base64.b64decode(text + "=" * (-len(text) % 4))


def same_hash(one: str, other: str) -> bool:
    """Compare two hashes in a time that does not depend on where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())
