"""What a client's last flight tells of its certificate, byte by byte."""

import pytest

from pangea.probes.tls_records import shows_certificate

CERTIFICATE, KEY_EXCHANGE = b"\x0b\x00\x00\x03\x00\x00\x00", b"\x10\x00\x00\x01\x00"


def record(kind, content):
    return bytes([kind, 3, 3]) + len(content).to_bytes(2) + content


CHANGE = record(20, b"\x01")


@pytest.mark.parametrize("first", range(256))
def test_a_sealed_finished_is_no_certificate_whatever_it_begins_with(first):
    finished = record(22, bytes([first]) + bytes(39))
    asked = record(22, CERTIFICATE) + record(22, KEY_EXCHANGE) + CHANGE + finished
    assert not shows_certificate(record(22, KEY_EXCHANGE) + CHANGE + finished)
    assert shows_certificate(asked)


def test_in_tls_1_3_two_sealed_messages_hold_one():
    sealed = record(23, bytes(40))
    assert not shows_certificate(CHANGE + sealed)
    assert shows_certificate(CHANGE + sealed + sealed)
