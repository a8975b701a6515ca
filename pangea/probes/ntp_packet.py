"""The packet of the Network Time Protocol, version 4 (RFC 5905, 7.3)."""

import ipaddress
import struct

from msgspec import Struct

from pangea.core.text import safe_text

SIZE = 48
#: the farthest that a clock may be from its reference (RFC 5905, 7.2: MAXDISP)
MAX_DISTANCE_S = 16.0
#: seconds from the beginning of 1900, where the protocol's time begins, to 1970
_EPOCH = 2_208_988_800
_PACKET = struct.Struct("!BBbbII4s4Q")
_CLIENT = 4 << 3 | 3
_SERVER_MODE = 4
_LEAPS = ("none", "insert", "delete", "unsynchronised")

#: kiss codes (RFC 5905, 7.4)
KISSES = {
    "ACST": "it belongs to a unicast server only",
    "AUTH": "authentication failed",
    "AUTO": "autokey failed",
    "BCST": "it belongs to a broadcast server only",
    "CRYP": "authentication or identification failed",
    "DENY": "it denies us access",
    "DROP": "it lost its peer",
    "RSTR": "it denies us access by its policy",
    "INIT": "it has not synchronised yet",
    "MCST": "it belongs to a multicast server only",
    "NKEY": "no key was found",
    "RATE": "we ask too often",
    "RMOT": "somebody meddles with its keys",
    "STEP": "its time is being set",
}


class Answer(Struct, frozen=True):
    """What a server says of itself and of the time; times are its own format."""

    leap: str
    stratum: int
    precision_s: float
    root_delay_s: float
    root_dispersion_s: float
    reference_id: str
    received: int
    sent: int


class BadAnswer(Exception):
    """The packet is no answer to our question, with the reason."""


class Kiss(Exception):
    """The server says to go away (kiss-o'-death); the text is its code."""


def question(nonce: int) -> bytes:
    """Return a client's packet.

    *nonce* stands where our time would: the server only sends it back, and who
    cannot see the question cannot guess it.
    """
    return _PACKET.pack(_CLIENT, 0, 0, 0, 0, 0, b"", 0, 0, 0, nonce)


def read_answer(data: bytes, nonce: int) -> Answer:
    """Return what the server answered to the question with this *nonce*.

    Raises Kiss, and BadAnswer for what RFC 5905, 8 and 9.2 tell to throw away:
    not of mode 4, not to our question, no time in it, not synchronised.
    """
    if len(data) < SIZE:
        raise BadAnswer(f"{len(data)} bytes, wanted at least {SIZE}")
    first, stratum, _poll, precision, delay, dispersion, reference, *times = (
        _PACKET.unpack_from(data)
    )
    _referred, origin, received, sent = times
    mode, version = first & 7, first >> 3 & 7
    if mode != _SERVER_MODE:
        raise BadAnswer(f"mode {mode}, wanted {_SERVER_MODE} (server)")
    if not 1 <= version <= 4:
        raise BadAnswer(f"version {version}, wanted 4")
    if origin != nonce:
        raise BadAnswer("the origin timestamp is not that of our question")
    if stratum == 0:
        raise Kiss(safe_text(reference.rstrip(b"\0"), 8))
    answer = Answer(
        leap=_LEAPS[first >> 6],
        stratum=stratum,
        precision_s=2.0**precision,
        root_delay_s=delay / 65536,
        root_dispersion_s=dispersion / 65536,
        reference_id=_reference(stratum, reference),
        received=received,
        sent=sent,
    )
    _refuse_unsynchronised(answer)
    return answer


def offset_s(answer: Answer, asked_at: float, heard_at: float) -> float:
    """Return how far the server's clock is ahead of ours, in seconds.

    *asked_at* and *heard_at* are moments of our clock, in seconds since 1970.
    """
    ahead_there = _ahead_s(answer.received, asked_at)
    ahead_back = _ahead_s(answer.sent, heard_at)
    return (ahead_there + ahead_back) / 2


def _ahead_s(stamp: int, at: float) -> float:
    """Return the seconds from *at* to *stamp*, in whose era it is nearest.

    The stamps count 2**32 seconds and begin anew (in 2036), so only the
    difference means anything (RFC 5905, 6).
    """
    whole = int(at)
    ours = (whole + _EPOCH) << 32 | int((at - whole) * 2**32)
    difference = (stamp - ours + 2**63) % 2**64 - 2**63
    return difference / 2**32


def _refuse_unsynchronised(answer: Answer) -> None:
    if answer.leap == "unsynchronised" or answer.stratum >= 16:
        raise BadAnswer("the server says that its clock is not synchronised")
    if not answer.sent or not answer.received:
        raise BadAnswer("the server tells no time")
    if (answer.sent - answer.received + 2**63) % 2**64 < 2**63:
        raise BadAnswer("the server answered before it was asked, by its own clock")
    distance = answer.root_delay_s / 2 + answer.root_dispersion_s
    if distance >= MAX_DISTANCE_S:
        said = f"the server may be {distance:.1f} s off its reference"
        raise BadAnswer(f"{said}, wanted less than {MAX_DISTANCE_S:g} s")


def _reference(stratum: int, reference: bytes) -> str:
    """Return the name of a reference clock, or the address of a server (or a hash)."""
    if stratum == 1:
        return safe_text(reference.rstrip(b"\0"), 8)
    return str(ipaddress.IPv4Address(reference))
