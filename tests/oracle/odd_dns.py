"""Name servers that lie, cut, mumble and fail."""

from collections.abc import Callable
from functools import partial
from ssl import SSLContext

import dns.flags
import dns.message
import dns.name
import dns.rrset

from tests.oracle.stage import Stage
from tests.probes.name_server import respond, truncated

RCODES = ("FORMERR", "SERVFAIL", "NOTIMP", "REFUSED", "NXDOMAIN", "YXDOMAIN", "NOTAUTH")
Message = dns.message.Message


def name_servers(stage: Stage, contexts: dict[str, SSLContext]) -> dict[str, int]:
    """Start all of them on *stage*, with TLS for each of *contexts*; return ports."""
    ports = {code.lower(): stage.udp_dns(partial(_code, code)) for code in RCODES}
    ports |= {name: stage.udp_dns(answer) for name, answer in ODD.items()}
    ports["dns_elsewhere"] = stage.udp_dns(_right, from_elsewhere=True)
    ports["dns_tcp"] = stage.tcp_dns(_right)
    ports["dns_tcp_hangup"] = stage.tcp_dns(lambda question: b"")
    ports["dns_tcp_wrong_id"] = stage.tcp_dns(_wrong_id)
    ports["dns_cut"] = _cut_but_whole_over_tcp(stage)
    ports |= {
        f"dot_{name}": stage.tcp_dns(_right, tls=context)
        for name, context in contexts.items()
    }
    ports["dns_cut_only"] = stage.udp_dns(truncated)
    return ports


def _cut_but_whole_over_tcp(stage: Stage) -> int:
    while True:
        port = stage.udp_dns(truncated)
        try:
            return stage.tcp_dns(_right, port=port)
        except OSError:  # somebody else has the port of that number over TCP
            continue


def _right(question: Message) -> bytes:
    return respond(question, "192.0.2.7").to_wire()


def _code(code: str, question: Message) -> bytes:
    return respond(question, rcode=code).to_wire()


def _wrong_id(question: Message) -> bytes:
    answer = respond(question, "192.0.2.7")
    answer.id = question.id ^ 1
    return answer.to_wire()


def _wrong_question(question: Message) -> bytes:
    answer = respond(question, "192.0.2.7")
    name = dns.name.from_text("other.test.")
    answer.question[0].name = name
    answer.answer = [dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.7")]
    return answer.to_wire()


def _wrong_type(question: Message) -> bytes:
    return respond(question, "elsewhere.test.", kind="CNAME").to_wire()


def _no_response_bit(question: Message) -> bytes:
    answer = respond(question, "192.0.2.7")
    answer.flags &= ~dns.flags.QR
    return answer.to_wire()


def _half(question: Message) -> bytes:
    return _right(question)[:-3]


def _looped(question: Message) -> bytes:
    """Return an answer whose record's name is a pointer to itself."""
    wire = respond(question).to_wire()
    here = len(wire)
    wire = wire[:6] + b"\x00\x01" + wire[8:]
    pointer = (0xC000 | here).to_bytes(2, "big")
    return wire + pointer + b"\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x07"


def _nothing(question: Message) -> list[bytes]:
    return []


ODD: dict[str, Callable[[Message], bytes | list[bytes]]] = {
    "dns_right": _right,
    "dns_silent": _nothing,
    "dns_wrong_id": _wrong_id,
    "dns_wrong_id_first": lambda question: [_wrong_id(question), _right(question)],
    "dns_wrong_question": _wrong_question,
    "dns_wrong_type": _wrong_type,
    "dns_no_qr": _no_response_bit,
    "dns_half": _half,
    "dns_looped": _looped,
    "dns_garbage": lambda question: question.to_wire()[:2] + b"\xff" * 40,
    "dns_short": lambda question: question.to_wire()[:2],
    "dns_no_question": lambda question: _without_question(question),
}


def _without_question(question: Message) -> bytes:
    answer = respond(question, rcode="SERVFAIL")
    answer.question = []
    return answer.to_wire()
