import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.probes.datagram import QueuedError, read_queued_error
from pangea.probes.icmp_packet import (
    EchoRequest,
    checksum,
    explain,
    find_reply,
    read_quoted,
)


def plain_checksum(data: bytes) -> int:
    """The sum of RFC 1071 as its text says it, word by word."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@given(st.binary(min_size=1, max_size=300))
def test_the_checksum_is_that_of_the_rfc(data):
    # One's complement has two zeros, which stand for the same sum.
    assert checksum(data) % 0xFFFF == plain_checksum(data) % 0xFFFF


NUMBERS = st.integers(0, 65535)
TOKENS = st.integers(0, 2**64 - 1)


@given(NUMBERS, st.lists(st.tuples(NUMBERS, TOKENS), min_size=1), st.integers(0, 100))
def test_a_request_sums_to_zero_as_receivers_check_it(identifier, fillings, size):
    request = EchoRequest(False, identifier, size)
    for sequence, token in fillings:
        packet = bytes(request.fill(sequence, token))
        assert plain_checksum(packet) % 0xFFFF == 0
        assert len(packet) == 8 + size
        assert packet[:2] == b"\x08\0"
        assert packet[4:8] == struct.pack("!HH", identifier, sequence)
        assert packet[8:16] == token.to_bytes(8, "big")[:size]
        assert packet[16:] == request.payload


@given(st.booleans(), NUMBERS, NUMBERS, TOKENS, st.integers(0, 100))
def test_a_quoted_request_is_recognised(v6, identifier, sequence, token, size):
    packet = bytes(EchoRequest(v6, identifier, size).fill(sequence, token))
    assert read_quoted(v6, packet) == (identifier, sequence)
    assert read_quoted(v6, packet[:8]) == (identifier, sequence)
    assert find_reply(v6, packet, len(packet)) == -1


@pytest.mark.parametrize("options", [0, 4, 40])
def test_a_header_with_options_is_stepped_over(options):
    header = bytes([0x40 | (20 + options) // 4, 0, 0, 0, 0, 0, 0, 0, 57]) + bytes(11)
    packet = header + bytes(options) + b"\0\0\0\0\0\1\0\2payload"
    assert find_reply(False, packet, len(packet)) == 20 + options


@given(st.booleans(), st.binary(max_size=120), st.integers(0, 120))
def test_no_bytes_break_the_readers(v6, data, cut):
    room, size = data.ljust(256, b"\xff"), min(cut, len(data))
    start = find_reply(v6, room, size)
    assert start == -1 or start + 8 <= size
    quoted = read_quoted(v6, data)
    assert quoted is None or len(data) >= 8


LEVELS = st.sampled_from([(0, 11), (41, 25), (1, 35), (0, 2)])


@given(st.lists(st.tuples(LEVELS, st.binary(max_size=60)), max_size=3))
def test_no_control_message_breaks_the_reader_of_errors(messages):
    ancillary = [(level, kind, value) for (level, kind), value in messages]
    error = read_queued_error(b"", ancillary, ("192.0.2.1", 0))
    assert error is None or isinstance(error, QueuedError)


@given(st.booleans(), st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**32))
def test_every_error_has_a_reason_and_words(v6, type_, code, info):
    reason, words = explain(v6, type_, code, info)
    assert reason in {"mtu", "ttl_exceeded", "unreachable"}
    assert words
