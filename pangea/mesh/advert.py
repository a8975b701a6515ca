"""What an advertisement says, and what of a foreign one is worth a try: pure rules."""

import re
from collections.abc import Iterable, Mapping, Sequence
from hmac import compare_digest
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv6Address,
    IPv6Interface,
    ip_address,
)

from pangea.mesh.transcript import digest

SERVICE_TYPE = "_pangea._tcp.local."
#: Below these are other people's services; a forged advert must not aim at them.
LOWEST_PORT = 1024
_ADDRESSES_EACH = 6
_TAG_SIZE = 8
_NAME = re.compile(r"p-[a-z2-7]{8}")
_HOUR = 3600

Address = IPv4Address | IPv6Address
Local = IPv4Interface | IPv6Interface


def tag(secret: bytes, instance: str, hour: int) -> str:
    """Return what members of a cluster recognise *instance* by during *hour*.

    *hour* is counted from 1970. It tells others nothing, and it changes hourly.
    """
    key = digest(b"", "pangea1.mdnskey", key=secret)
    said = instance.encode("ascii") + hour.to_bytes(8, "big")
    return digest(said, "pangea1.mdns", key=key, size=_TAG_SIZE).hex()


def text_record(secret: bytes, instance: str, now: float) -> dict[str, str]:
    """Return the whole TXT record; *now* is wall time in seconds."""
    return {"v": "1", "r": "c", "t": tag(secret, instance, int(now // _HOUR))}


def instance_of(service_name: str) -> str | None:
    """Return the instance of a full service name, None if it is not one of ours."""
    instance = service_name.removesuffix("." + SERVICE_TYPE)
    return instance if _NAME.fullmatch(instance) else None


def is_ours(
    properties: Mapping[bytes, bytes | None],
    instance: str,
    secrets: Iterable[bytes],
    now: float,
) -> bool:
    """Tell whether a TXT record was made with one of *secrets*, within an hour."""
    if (properties.get(b"v"), properties.get(b"r")) != (b"1", b"c"):
        return False
    said = properties.get(b"t") or b""
    hour = max(1, int(now // _HOUR))
    tags = [tag(s, instance, hour + d) for s in secrets for d in (0, -1, 1)]
    return any(compare_digest(said, right.encode("ascii")) for right in tags)


def worth_a_try(
    addresses: Iterable[str], port: int | None, local: Sequence[Local]
) -> list[tuple[str, int]]:
    """Return at most six (host, port), IPv4 first and link-local last.

    *local* are our own addresses: only what is on one of our links is taken, for
    an advert travels no further, and one that points elsewhere aims at a victim.
    """
    if port is None or not LOWEST_PORT <= port <= 65_535:
        return []
    near = {text: parsed for text in addresses if (parsed := _near(text, local))}
    ordered = sorted(near, key=lambda t: (near[t].version, near[t].is_link_local))
    return [(text, port) for text in ordered[:_ADDRESSES_EACH]]


def own_addresses(listen_host: str, local: Sequence[Local]) -> list[str]:
    """Return the addresses to advertise for a server that listens on *listen_host*."""
    if listen_host not in ("0.0.0.0", "::", ""):
        try:
            given = ip_address(listen_host.partition("%")[0])
        except ValueError:
            return []
        return [] if given.is_loopback else [str(given)]
    return [
        str(own.ip).partition("%")[0]
        for own in local
        if not own.ip.is_loopback and (own.version == 4 or listen_host != "0.0.0.0")
    ]


def _near(text: str, local: Sequence[Local]) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.is_link_local:
        # Without a scope nobody can say on which link it is.
        return address if address.scope_id else None
    if address.is_loopback or address.is_multicast or address.is_unspecified:
        return None
    return address if any(address in own.network for own in local) else None
