"""What passed a host is read as it was said."""

import pytest

from tests.lab.capture import payloads

HEAD = b"GET /mesh HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"


def frame(data, mask):
    size = len(data)
    flag = 0x80 if mask else 0
    long = size > 125
    head = bytes([0x82, flag | (126 if long else size)])
    head += size.to_bytes(2) if long else b""
    said = bytes(b ^ (mask or bytes(4))[n % 4] for n, b in enumerate(data))
    return head + (mask or b"") + said


@pytest.mark.parametrize("mask", [b"", b"\x11\xf7\x00\x9a"], ids=["plain", "masked"])
def test_words_in_the_messages_of_a_websocket_are_found(mask):
    told = [b"site-helsinki", b"", b"x" * 125, b"y" * 126, b"z" * 5000, b"lab"]
    stream = HEAD + b"".join(frame(data, mask) for data in told)
    assert payloads(stream) == b"".join(told)
    assert (b"helsinki" in stream) == (not mask)
