import contextlib
import struct
import time

import dns.flags
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.probes.dns_content import Memory, read
from pangea.probes.dns_rdata import Decoder, shown
from pangea.probes.dns_wire import (
    ADDITIONAL,
    ANSWER,
    AUTHORITY,
    Query,
    Reply,
    WireError,
    Wish,
)
from tests.probes.name_server import respond

NAME = dns.name.from_text("host.example")
EXAMPLE = Query(NAME, dns.rdatatype.A)
HEADER = struct.Struct("!HHHHHH")

SAMPLES = [
    ("A", "192.0.2.7"),
    ("AAAA", "2001:db8::7"),
    ("CAA", '0 issue "ca.example"'),
    ("CNAME", "other.example."),
    ("DNSKEY", "257 3 13 " + "ab" * 16),
    ("DS", "1 8 2 " + "ab" * 32),
    ("HTTPS", "1 . alpn=h2 port=443 ipv4hint=192.0.2.1"),
    ("LOC", "60 9 0.000 N 24 39 0.000 E 10.00m 20m 2000m 20m"),
    ("MX", "10 mail.example."),
    ("NAPTR", '100 10 "S" "SIP+D2U" "!^.*$!sip:a@b!" _sip._udp.example.'),
    ("NSEC", "next.example. A MX RRSIG"),
    ("SOA", "ns.example. root.example. 1 2 3 4 5"),
    ("SRV", "1 2 5060 sip.example."),
    ("SSHFP", "1 1 " + "ab" * 20),
    ("SVCB", "1 svc.example. port=853"),
    ("TLSA", "3 1 1 " + "ab" * 32),
    ("TXT", '"a" "b"'),
]


def asked(query: Query) -> dns.message.Message:
    return dns.message.from_wire(query.wire(7))


def test_a_plain_query_sends_no_edns():
    question = asked(EXAMPLE)
    assert question.edns == -1
    assert question.flags == dns.flags.RD
    assert question.question[0].to_text() == "host.example. IN A"


def test_every_wish_is_in_the_query():
    wish = Wish(False, ad=True, cd=True, do=True, nsid=True, edns_size=1400)
    question = asked(Query(NAME, dns.rdatatype.TXT, rdclass=3, wish=wish))
    assert question.flags == dns.flags.AD | dns.flags.CD
    assert question.ednsflags == dns.flags.DO
    assert question.payload == 1400
    assert [int(option.otype) for option in question.options] == [3]
    assert question.question[0].rdclass == dns.rdataclass.CH


def test_what_the_server_says_by_edns_is_read():
    response = respond(asked(EXAMPLE), "192.0.2.7")
    response.use_edns(0, payload=4000, options=[dns.edns.NSIDOption(b"ns1")])
    reply = Reply(response.to_wire())
    edns = reply.edns(reply.sections()[ADDITIONAL])
    assert (edns.size, edns.high_rcode, edns.options) == (4000, 0, {3: b"ns1"})


def opt(data: bytes, claimed: int | None = None) -> bytes:
    length = len(data) if claimed is None else claimed
    return b"\0" + struct.pack("!HHIH", 41, 1232, 0, length) + data


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([opt(b""), opt(b"")], id="twice"),
        pytest.param([opt(b"\0\3\0")], id="an option cut"),
        pytest.param([opt(b"\0\3\0\7abc")], id="an option too long"),
        pytest.param([opt(b"", 9)], id="a record too long"),
    ],
)
def test_broken_edns_is_named(records):
    header = HEADER.pack(7, 0x8180, 1, 0, 0, len(records))
    reply = Reply(header + EXAMPLE.question + b"".join(records))
    with pytest.raises(WireError):
        reply.edns(reply.sections()[ADDITIONAL])


def test_each_section_is_found():
    response = respond(asked(EXAMPLE), "192.0.2.7", "192.0.2.8")
    response.authority.append(
        dns.rrset.from_text("example.", 9, "IN", "NS", "a.", "b.")
    )
    response.additional.append(dns.rrset.from_text("a.", 9, "IN", "A", "192.0.2.9"))
    sections = Reply(response.to_wire()).sections()
    assert [len(section) for section in sections] == [2, 2, 1]
    assert [s[0].ttl for s in sections] == [300, 9, 9]


def message(*records: bytes, count: int | None = None, flags: int = 0x8180) -> bytes:
    """Return a response to EXAMPLE that claims *count* answers."""
    claimed = len(records) if count is None else count
    header = HEADER.pack(7, flags, 1, claimed, 0, 0)
    return header + EXAMPLE.question + b"".join(records)


def record(
    owner: bytes, data: bytes, kind: int = 1, ttl: int = 60, length: int | None = None
) -> bytes:
    claimed = len(data) if length is None else length
    return owner + struct.pack("!HHIH", kind, 1, ttl, claimed) + data


AT = len(message())
SELF = struct.pack("!H", 0xC000 | AT)
AHEAD = struct.pack("!H", 0xC000 | AT + 2)
INSIDE = struct.pack("!H", 0xC000 | AT + 12)
FIRST = struct.pack("!H", 0xC000 | 12)
ADDRESS = bytes([192, 0, 2, 7])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(message(record(SELF, ADDRESS)), "name", id="a loop of one"),
        pytest.param(message(record(AHEAD, ADDRESS)), "name", id="a pointer ahead"),
        pytest.param(message(record(b"\xff\xff", ADDRESS)), "name", id="one far away"),
        pytest.param(message(record(b"\x80", ADDRESS)), "label", id="an unknown label"),
        pytest.param(message(b"\x3fabc"), "cut", id="a name cut"),
        pytest.param(message(FIRST + b"\0\1\0"), "cut", id="a record cut"),
        pytest.param(message(count=1), "cut", id="records that are not there"),
        pytest.param(
            message(record(FIRST, ADDRESS, length=400)),
            "longer",
            id="a length that lies",
        ),
        pytest.param(message(record(FIRST, b"\1\2")), "type A", id="half an address"),
        pytest.param(
            message(record(FIRST, INSIDE, kind=5)), "CNAME", id="an alias in a loop"
        ),
    ],
)
def test_broken_records_are_named(data, said):
    with pytest.raises(WireError, match=said):
        read(Reply(data), EXAMPLE, ANSWER)


def test_a_chain_of_pointers_is_not_followed_for_ever():
    # Each pointer leads to the one before it, eight thousand times over.
    chain = b"".join(struct.pack("!H", 0xC000 | AT + 10 + 2 * n) for n in range(8000))
    data = b"\0\0" + chain
    first = record(b"\0", data, kind=65399)
    last = struct.pack("!H", 0xC000 | (AT + 11 + len(data) - 2))
    wire = message(first, *[record(last, ADDRESS) for _ in range(250)])
    with pytest.raises(WireError, match="name"):
        read(Reply(wire), EXAMPLE, ANSWER)


@pytest.mark.parametrize("section", [ANSWER, AUTHORITY, ADDITIONAL])
@given(data=st.binary(max_size=600))
def test_no_bytes_break_the_reader(section, data):
    with contextlib.suppress(WireError):
        if EXAMPLE.is_answered_by(data):
            read(Reply(data), EXAMPLE, section)


@given(st.binary(max_size=600), st.lists(st.integers(0, 70), min_size=3, max_size=3))
def test_no_records_break_the_reader(tail, counts):
    header = HEADER.pack(7, 0x8180, 1, *counts)
    with contextlib.suppress(WireError):
        read(Reply(header + EXAMPLE.question + tail), EXAMPLE, ANSWER)


EVERY_TYPE = [int(t) for t in dns.rdatatype.RdataType if t not in (0, 255)]


@given(st.sampled_from(EVERY_TYPE), st.binary(max_size=60))
def test_no_data_of_any_type_breaks_the_reader(kind, data):
    query = Query(NAME, kind)
    header = HEADER.pack(7, 0x8180, 1, 1, 0, 0)
    wire = header + query.question + record(FIRST, data, kind=kind)
    with contextlib.suppress(WireError):
        content, _ = read(Reply(wire), query, ANSWER)
        assert all(text.isprintable() for text in content.texts)


def bomb(kind: int, data: bytes, times: int) -> tuple[Query, bytes]:
    """Return an answer of up to 64 KiB in which *data* stands many times."""
    query = Query(NAME, kind)
    header = HEADER.pack(7, 0x8180, 1, times, 0, 0)
    return query, header + query.question + times * record(FIRST, data, kind=kind)


DEEP = b"\1a" * 110 + FIRST
BITMAPS = b"\0" + b"".join(bytes([n, 32]) + b"\xff" * 32 for n in range(256))
PARAMETERS = b"\0\1\0" + b"".join(struct.pack("!HH", n, 0) for n in range(7, 15_000))


@pytest.mark.parametrize(
    ("kind", "data", "times"),
    [
        pytest.param(dns.rdatatype.NSEC, BITMAPS, 7, id="every type there is"),
        pytest.param(dns.rdatatype.MX, b"\0\1" + DEEP, 250, id="names of 110 labels"),
        pytest.param(dns.rdatatype.HTTPS, PARAMETERS, 1, id="15,000 parameters"),
        pytest.param(dns.rdatatype.CNAME, DEEP, 250, id="aliases"),
        pytest.param(
            dns.rdatatype.APL, b"\0\1\x20\4abcd" * 8000, 1, id="8,000 prefixes"
        ),
    ],
)
def test_an_answer_that_is_a_lot_of_work_is_given_up(kind, data, times):
    query, wire = bomb(kind, data, times)
    begun = time.process_time()
    with pytest.raises(WireError, match="too long"):
        read(Reply(wire), query, ANSWER)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("kind", "data", "times"),
    [
        (dns.rdatatype.A, b"abcd", 4000),
        (dns.rdatatype.TXT, (b"\xff" + bytes(255)) * 250, 1),
        (dns.rdatatype.TXT, b"\xf0" + bytes(240), 250),
        (dns.rdatatype.NS, b"\2ns\4name\7example\0", 250),
        (dns.rdatatype.DNSKEY, b"\1\1\3\x0d" + bytes(1000), 60),
    ],
)
def test_an_answer_that_is_only_large_is_read(kind, data, times):
    query, wire = bomb(kind, data, times)
    content, keys = read(Reply(wire), query, ANSWER)
    assert content.total == times
    assert len(content.texts) == len(keys) == min(times, 256)


DAMAGE = st.lists(st.tuples(st.integers(12, 300), st.integers(0, 255)), max_size=6)


@given(st.sampled_from(SAMPLES), DAMAGE, st.integers(0, 300))
def test_no_damage_to_an_answer_breaks_the_reader(sample, damage, cut):
    kind, text = sample
    wish = Wish(edns_size=1232)
    query = Query(NAME, dns.rdatatype.from_text(kind), wish=wish)
    data = bytearray(respond(asked(query), text).to_wire())
    for at, value in damage:
        if at < len(data):
            data[at] = value
    data = bytes(data[: len(data) - cut] if cut < len(data) else data)
    with contextlib.suppress(WireError):
        if query.is_answered_by(data):
            content, _ = read(Reply(data), query, ANSWER)
            assert all(text.isprintable() for text in content.texts)
            # What has been read is what is found again.
            memory = Memory()
            memory.keep(content)
            assert memory.find(data) is content


@pytest.mark.parametrize(("kind", "text"), SAMPLES)
def test_every_type_is_read_as_a_zone_file_has_it(kind, text):
    query = Query(NAME, dns.rdatatype.from_text(kind))
    reply = Reply(respond(asked(query), text).to_wire())
    (record,) = reply.records()
    rdata = Decoder(reply.data).rdata(record)
    expected = dns.rdata.from_text("IN", kind, text)
    assert shown(rdata) == expected.to_text()
