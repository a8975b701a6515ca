"""Reads the outermost layer of TLS: the records on the wire (RFC 8446 section 5)."""

from collections.abc import Iterator

CHANGE_CIPHER, HANDSHAKE, APPLICATION_DATA = 20, 22, 23
#: the handshake message that holds a certificate, or none
CERTIFICATE = 11
_HEAD = 5


def records(flight: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield kind and content of each whole record in *flight*."""
    at = 0
    while at + _HEAD <= len(flight):
        end = at + _HEAD + int.from_bytes(flight[at + 3 : at + 5], "big")
        if end > len(flight):
            return
        yield flight[at], flight[at + _HEAD : end]
        at = end


def shows_certificate(flight: bytes) -> bool:
    """Tell whether a client's last *flight* holds its certificate, even if empty.

    It does if and only if the server asked for one. Up to TLS 1.2 it stands
    there readably, before the cipher changes: the Finished that follows is sealed,
    and may begin with any byte (RFC 5246 section 7.3). In TLS 1.3 it is the first of
    two sealed messages, where there is otherwise only the Finished (RFC 8446
    section 2).
    """
    sealed, readable = 0, True
    for kind, content in records(flight):
        readable = readable and kind != CHANGE_CIPHER
        if readable and kind == HANDSHAKE and content[:1] == bytes([CERTIFICATE]):
            return True
        sealed += kind == APPLICATION_DATA
    return sealed > 1
