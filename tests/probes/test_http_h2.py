import asyncio
import gzip
import sys

import h2.config
import h2.connection
import h2.events
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import UsageError
from pangea.core.failure import ProbeFailed
from pangea.core.model import Outcome
from pangea.probes.base import make_probe
from pangea.probes.http_h2 import Http2Reader
from pangea.probes.http_request import Request
from pangea.probes.target import parse_url

DATA, HEADERS, PRIORITY, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = (
    range(10)
)
END_STREAM, END_HEADERS, ACK = 1, 4, 1
#: ":status: 200" by the static table of HPACK
STATUS_200 = b"\x88"


def frame(kind, flags=0, stream=1, payload=b""):
    size = len(payload).to_bytes(3, "big")
    return size + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


GREETING = frame(SETTINGS, stream=0)
OK_HEAD = GREETING + frame(HEADERS, END_HEADERS, 1, STATUS_200)
OK = OK_HEAD + frame(DATA, END_STREAM, 1, b"hello")


def endless(piece, times=20_000):
    return piece * times


@pytest.fixture
def h2_tls(server_tls):
    server_tls.set_alpn_protocols(["h2", "http/1.1"])
    return server_tls


def says(raw):
    """Answer with *raw*, whatever is asked, and wait for the client to leave."""

    async def handler(reader, writer):
        await reader.readuntil(b"SM\r\n\r\n")
        writer.write(raw)
        while await reader.read(65536):
            pass

    return handler


class Server:
    """A well-behaved HTTP/2 server that remembers what it was asked."""

    def __init__(self, respond, settings=None):
        self.respond, self.settings = respond, settings or {}
        self.fields, self.body = {}, b""

    async def __call__(self, reader, writer):
        config = h2.config.H2Configuration(client_side=False)
        connection = h2.connection.H2Connection(config)
        connection.local_settings.update(self.settings)
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    self.fields = {
                        name.decode(): value.decode() for name, value in event.headers
                    }
                if isinstance(event, h2.events.DataReceived):
                    self.body += event.data
                    length = event.flow_controlled_length
                    connection.acknowledge_received_data(length, 1)
                if isinstance(event, h2.events.StreamEnded):
                    self.respond(connection)
            writer.write(connection.data_to_send())


def plain(connection):
    connection.send_headers(1, [(":status", "200"), ("server", "x")])
    connection.send_data(1, b"hello", end_stream=True)


async def test_http_2_is_agreed_on_where_both_can(serve, ask, h2_tls, ca_file):
    port = await serve(Server(plain), h2_tls)
    result = await ask(
        "http",
        f"127.0.0.1:{port}",
        ca_file=ca_file,
        http2="require",
        body_contains="hello",
        expect_headers=["server: ^x$"],
    )
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert result.readings["http_version"] == "2"
    assert result.readings["bytes"] == 5
    phases = [phase for phase in result.phases if phase != "wait"]
    assert phases == ["connect", "tls", "first_byte", "transfer"]


async def test_the_request_says_what_the_job_says(serve, ask, h2_tls):
    server = Server(plain, {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1000})
    port = await serve(server, h2_tls)
    result = await ask(
        "http",
        f"127.0.0.1:{port}/a?b",
        verify=False,
        http2="auto",
        method="POST",
        body="x" * 50_000,
        headers=["Host: other.example", "X-Y: z", "Keep-Alive: 5"],
        user="me",
        password="pw",
    )
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert server.body == b"x" * 50_000
    assert server.fields == {
        ":method": "POST",
        ":scheme": "https",
        ":authority": "other.example",
        ":path": "/a?b",
        "user-agent": "Pangea",
        "accept": "*/*",
        "accept-encoding": "gzip, deflate",
        "content-length": "50000",
        "x-y": "z",
        "authorization": "Basic bWU6cHc=",
    }


async def test_a_server_without_http_2_is_asked_the_old_way(serve, ask, server_tls):
    port = await serve(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", server_tls)
    target = f"127.0.0.1:{port}"
    result = await ask("http", target, verify=False, http2="auto")
    assert (result.outcome, result.readings["http_version"]) == (Outcome.OK, "1.1")
    result = await ask("http", target, verify=False, http2="require")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "http_version")
    assert result.detail == "got HTTP/1.1, wanted HTTP/2"


async def test_it_is_off_unless_asked_for(serve, ask, h2_tls):
    port = await serve(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", h2_tls)
    result = await ask("http", f"127.0.0.1:{port}", verify=False)
    assert (result.outcome, result.readings["http_version"]) == (Outcome.OK, "1.1")


async def test_without_the_extra_it_says_how_to_get_it(
    serve, ask, server_tls, monkeypatch
):
    # As on a machine where h2 is not installed.
    monkeypatch.setitem(sys.modules, "h2.config", None)
    monkeypatch.delitem(sys.modules, "pangea.probes.http_h2")
    monkeypatch.delattr(sys.modules["pangea.probes"], "http_h2")
    port = await serve(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", server_tls)
    target = f"127.0.0.1:{port}"
    result = await ask("http", target, verify=False, http2="require")
    assert (result.outcome, result.reason) == (Outcome.ERROR, "unsupported")
    assert "pip install 'pangea[h2]'" in result.detail
    assert (await ask("http", target, verify=False, http2="auto")).outcome is Outcome.OK


def test_http_2_wants_tls():
    with pytest.raises(UsageError, match="wants an https target"):
        make_probe("http", "http://a", {"http2": "require"})


async def test_a_packed_body_is_unpacked_and_bounded(serve, ask, h2_tls):
    def packed(connection):
        fields = [(":status", "200"), ("content-encoding", "gzip")]
        connection.send_headers(1, fields)
        body = gzip.compress(b"\0" * 10_000_000)
        for at in range(0, len(body), 5000):
            connection.send_data(1, body[at : at + 5000])
        connection.end_stream(1)

    port = await serve(Server(packed), h2_tls)
    result = await ask("http", f"127.0.0.1:{port}", verify=False, http2="require")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "too_large")
    assert result.readings["bytes"] == 1024 * 1024


async def test_a_goodbye_before_the_answer_is_no_failure(serve, ask, h2_tls):
    goodbye = frame(GOAWAY, 0, 0, (1).to_bytes(4, "big") + bytes(4))
    port = await serve(says(GREETING + goodbye + OK[len(GREETING) :]), h2_tls)
    result = await ask("http", f"127.0.0.1:{port}", verify=False, http2="require")
    assert (result.outcome, result.detail) == (Outcome.OK, "")


HOSTILE = {
    "settings without end": (endless(GREETING), "protocol", "more than 200 frames"),
    "pings without end": (
        endless(GREETING + frame(PING, 0, 0, bytes(8)), 9000),
        "protocol",
        "more than 200 frames",
    ),
    "window updates without end": (
        GREETING + endless(frame(WINDOW, 0, 0, b"\0\0\0\1")),
        "protocol",
        "more than 200 frames",
    ),
    "unknown frames without end": (
        GREETING + endless(frame(77, 0, 0, b"x")),
        "protocol",
        "more than 200 frames",
    ),
    "continuations without end": (
        GREETING + frame(HEADERS, 0) + endless(frame(CONTINUATION), 9000),
        "protocol",
        "HTTP/2: ",
    ),
    "long continuations": (
        GREETING
        + frame(HEADERS, 0)
        + endless(frame(CONTINUATION, 0, 1, bytes(16384)), 60),
        "too_large",
        "headers are larger",
    ),
    "empty data without end": (
        OK_HEAD + endless(frame(DATA)),
        "protocol",
        "more than 200 frames",
    ),
    "data byte by byte": (
        OK_HEAD + endless(frame(DATA, 0, 1, b"x")),
        "protocol",
        "more room than the body",
    ),
    "nothing but padding": (
        OK_HEAD + endless(frame(DATA, 8, 1, b"\xff" + bytes(255)), 4000),
        "protocol",
        "HTTP/2: ",
    ),
    "a header bomb": (
        # A long field goes into the table once and is named 4000 times.
        GREETING
        + frame(
            HEADERS,
            END_HEADERS,
            1,
            STATUS_200 + b"\x40\x01a\x7f\x81\x1e" + b"x" * 4000 + b"\xbe" * 4000,
        ),
        "too_large",
        "headers are larger",
    ),
    "a huge header table": (
        GREETING
        + frame(HEADERS, END_HEADERS, 1, b"\x3f\xe1\xff\xff\xff\x07" + STATUS_200),
        "protocol",
        "HTTP/2: ",
    ),
    "a push": (
        GREETING + frame(PUSH, END_HEADERS, 1, (2).to_bytes(4, "big") + STATUS_200),
        "protocol",
        "HTTP/2: ",
    ),
    "interim answers without end": (
        GREETING + endless(frame(HEADERS, END_HEADERS, 1, b"\x48\x82\x08\x01")),
        "protocol",
        "HTTP/2: ",
    ),
    "a frame too long": (
        GREETING + b"\xff\xff\xff" + bytes([DATA, 0, 0, 0, 0, 1]) + bytes(99),
        "protocol",
        "a frame of 16777215 bytes",
    ),
    "more data than agreed": (
        OK_HEAD + frame(DATA, 0, 1, bytes(16384)) * 3 + frame(DATA, 0, 3, b"x"),
        "protocol",
        "HTTP/2: ",
    ),
    "no status": (
        GREETING + frame(HEADERS, END_HEADERS, 1, b"\x54\x01x"),
        "protocol",
        "HTTP/2: ",
    ),
    "a status that is none": (
        GREETING + frame(HEADERS, END_HEADERS, 1, b"\x48\x03abc"),
        "protocol",
        "HTTP/2: ",
    ),
    "a wrong length": (
        GREETING
        + frame(HEADERS, END_HEADERS, 1, STATUS_200 + b"\x5c\x019")
        + frame(DATA, END_STREAM, 1, b"hello"),
        "protocol",
        "HTTP/2: ",
    ),
    "HTTP/1.1 after all": (
        b"HTTP/1.1 400 Bad\x1b[31m Request\r\n\r\n",
        "protocol",
        "a frame of 4740180 bytes",
    ),
    "a reset": (
        GREETING + frame(RESET, 0, 1, (7).to_bytes(4, "big")),
        "reset",
        "REFUSED_STREAM",
    ),
    "a reset without a known reason": (
        GREETING + frame(RESET, 0, 1, b"\xff\xff\xff\xff"),
        "reset",
        "reset the request: error 4294967295",
    ),
    "a goodbye": (
        GREETING + frame(GOAWAY, 0, 0, bytes(4) + (11).to_bytes(4, "big")),
        "reset",
        "ENHANCE_YOUR_CALM",
    ),
}


@pytest.mark.parametrize(
    ("raw", "reason", "text"), HOSTILE.values(), ids=HOSTILE.keys()
)
async def test_a_hostile_server_is_a_clear_failure(
    serve, ask, h2_tls, raw, reason, text
):
    port = await serve(says(raw), h2_tls)
    result = await ask("http", f"127.0.0.1:{port}", verify=False, http2="require")
    assert (result.outcome, result.reason) == (Outcome.FAILED, reason), result.detail
    assert text in result.detail
    assert "\x1b" not in result.detail
    assert result.duration_ms < 3000


async def test_a_flood_leaves_others_their_turns(serve, ask, h2_tls):
    raw = OK_HEAD + endless(frame(DATA, 0, 1, bytes(24)), 60_000)
    port, turns = await serve(says(raw), h2_tls), 0
    asking = asyncio.ensure_future(
        ask("http", f"127.0.0.1:{port}", verify=False, http2="require")
    )
    while not asking.done():
        await asyncio.sleep(0)
        turns += 1
    result = asking.result()
    assert (result.outcome, result.readings["truncated"]) == (Outcome.OK, True)
    # A megabyte in tiny frames takes 0.4 s to read: not in a few long steps.
    assert turns > 40


@pytest.mark.parametrize(
    ("raw", "says_"),
    [
        (b"", "without an answer"),
        (GREETING, "before the headers"),
        (OK_HEAD + frame(DATA, 0, 1, b"hel"), "cut off after 3 bytes"),
    ],
)
def test_an_end_too_early_is_said_so(raw, says_):
    reader = Http2Reader(request(), limit=100, keep=True)
    reader.feed(raw)
    with pytest.raises(ProbeFailed, match=says_) as failure:
        reader.feed_eof()
    assert failure.value.reason == "closed"


def request():
    return Request(parse_url("https://a"), "GET", (), b"", "", None)


FRAMES = st.builds(
    frame,
    st.integers(0, 12),
    st.integers(0, 255),
    st.sampled_from([0, 1, 1, 1, 2, 3, 2**31]),
    st.binary(max_size=40),
)


@given(
    st.lists(st.one_of(FRAMES, st.binary(max_size=30)), max_size=12),
    st.booleans(),
    st.integers(1, 50),
)
def test_the_reader_takes_any_frames_in_any_pieces(parts, greeted, size):
    raw = OK_HEAD * greeted + b"".join(parts)
    reader = Http2Reader(request(), limit=100, keep=True)
    try:
        for at in range(0, len(raw), size):
            reader.feed(raw[at : at + size])
            reader.to_send()
        reader.feed_eof()
        reason = ""
    except ProbeFailed as failure:
        reason = failure.reason
    assert reason in ("protocol", "closed", "too_large", "reset") or reader.done
    assert len(reader.body.kept) <= 100


@given(st.binary(max_size=300))
def test_any_header_block_is_read_or_refused(block):
    reader = Http2Reader(request(), limit=100, keep=True)
    try:
        reader.feed(GREETING + frame(HEADERS, END_HEADERS | END_STREAM, 1, block))
        reason = ""
    except ProbeFailed as failure:
        reason = failure.reason
    assert reason in ("protocol", "too_large") or reader.done == bool(reader.status)


@given(st.binary(max_size=300), st.integers(1, 9), st.sampled_from(["gzip", ""]))
def test_the_answer_is_the_same_however_it_is_cut(body, size, encoding):
    packed = gzip.compress(body) if encoding else body
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    reader = Http2Reader(request(), limit=1000, keep=True)
    server.initiate_connection()
    server.receive_data(reader.to_send())
    fields = [(":status", "200"), ("content-encoding", encoding)]
    server.send_headers(1, fields[: 1 + bool(encoding)])
    server.send_data(1, packed, end_stream=True)
    raw = server.data_to_send()
    for at in range(0, len(raw), size):
        reader.feed(raw[at : at + size])
    assert (reader.status, reader.done, bytes(reader.body.kept)) == (200, True, body)


async def test_a_server_that_drips_is_ended_in_time(serve, ask, h2_tls):
    async def drip(reader, writer):
        for byte in OK:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)

    port = await serve(drip, h2_tls)
    result = await ask("http", f"127.0.0.1:{port}", 0.3, verify=False, http2="require")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "timeout")
    assert "while: first_byte" in result.detail
