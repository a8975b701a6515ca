"""What several jobs that fail together may have in common."""

import functools
import ipaddress
from collections.abc import Iterable

from msgspec import Struct

#: The kinds of causes, the one that tells most first.
KINDS = ("dependency", "breach", "subnet", "issuer", "resolver", "worker")
_WORDS = {
    "dependency": "all depend on {}",
    "breach": "{} is reached, though it must not be",
    "subnet": "{}",
    "issuer": "certificates of {}",
    "resolver": "resolver {}",
    "worker": "only {} sees it",
}


class Cause(Struct, frozen=True, array_like=True):
    """One thing in common: its kind, and which one it is, as people call it."""

    kind: str
    value: str

    @property
    def words(self) -> str:
        """The cause as it stands in a title."""
        return _WORDS.get(self.kind, "{}").format(self.value)


def ranked(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """Return *causes* without doubles, the one that tells most first."""
    return tuple(sorted(set(causes), key=lambda c: (KINDS.index(c.kind), c.value)))


@functools.lru_cache(maxsize=16_384)
def subnet_of(address: str) -> str:
    """Return the network around *address*, /24 or /64; "" if it is no address.

    Loopback is no network: what runs on one machine has nothing else in common.
    """
    try:
        found = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return ""
    if found.is_loopback or found.is_unspecified:
        return ""
    bits = 24 if found.version == 4 else 64
    return str(ipaddress.ip_network(f"{found}/{bits}", strict=False))
