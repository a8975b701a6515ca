"""Reads an LDAP server's answer to an extended request (RFC 4511 section 4.12)."""

from typing import NamedTuple

#: bytes that an answer may have
MAX_ANSWER = 8192
_SEQUENCE, _INTEGER, _OCTETS, _ENUMERATED, _EXTENDED = 0x30, 0x02, 0x04, 0x0A, 0x78


class Answer(NamedTuple):
    """The result code, the server's diagnostic message, and the bytes it took."""

    code: int
    message: bytes
    size: int


def read_answer(data: bytes) -> Answer | None:
    """Return the answer that *data* begins with, None if it is not all there.

    Raises ValueError if it is something else, or larger than ``MAX_ANSWER``.
    """
    whole = _element(data, 0, _SEQUENCE)
    if whole is None or whole[1] > len(data):
        return None
    at, end = whole
    inside = data[:end]
    _, at = _inner(inside, at, _INTEGER)
    at, stop = _inner(inside, at, _EXTENDED)
    code_at, code_end = _inner(inside[:stop], at, _ENUMERATED)
    _, name_end = _inner(inside[:stop], code_end, _OCTETS)
    said_at, said_end = _inner(inside[:stop], name_end, _OCTETS)
    code = int.from_bytes(inside[code_at:code_end][:4], "big")
    return Answer(code, inside[said_at:said_end], end)


def _inner(data: bytes, at: int, wanted: int) -> tuple[int, int]:
    """Return where the content of the element at *at* begins and ends."""
    found = _element(data, at, wanted)
    if found is None or found[1] > len(data):
        raise ValueError("an element is cut off")
    return found


def _element(data: bytes, at: int, wanted: int) -> tuple[int, int] | None:
    """Return begin and end of a BER element's content, None: its head is cut off."""
    if data[at : at + 1] and data[at] != wanted:
        raise ValueError(f"got the tag {data[at]:#04x}, wanted {wanted:#04x}")
    if len(data) < at + 2:
        return None
    size, begin = data[at + 1], at + 2
    if size & 0x80:
        more = size & 0x7F
        if not 0 < more <= 4:
            raise ValueError("a length is too long, or not given")
        if len(data) < begin + more:
            return None
        size = int.from_bytes(data[begin : begin + more], "big")
        begin += more
    if size > MAX_ANSWER:
        raise ValueError(f"an element of {size} bytes, wanted at most {MAX_ANSWER}")
    return begin, begin + size
