import asyncio
import gzip
import socket
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import UsageError
from pangea.core.failure import ProbeFailed
from pangea.core.model import Flag, Outcome
from pangea.probes.base import Trace, make_probe
from pangea.probes.http_reader import HttpReader
from tests.probes.conftest import open_sockets

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def url(port, path="/"):
    return f"http://127.0.0.1:{port}{path}"


def answer(body, *headers, status="200 OK"):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def test_a_good_answer_is_ok_with_every_phase_apart(serve, ask):
    port = await serve(OK)
    result = await ask("http", url(port, "/x?y"))
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert list(result.phases) == ["connect", "first_byte", "transfer"]
    assert sum(result.phases.values()) <= result.duration_ms
    assert result.readings == {
        "address": "127.0.0.1",
        "status": 200,
        "http_version": "1.1",
        "bytes": 5,
        "final_url": url(port, "/x?y"),
        "redirects": 0,
    }


async def test_a_name_is_resolved_in_a_phase_of_its_own(serve, ask):
    port = await serve(OK)
    result = await ask("http", f"http://localhost:{port}", family="ipv4")
    assert result.outcome is Outcome.OK
    assert next(iter(result.phases)) == "resolve"


async def test_the_request_says_what_the_job_says(serve, ask):
    seen = bytearray()

    async def handler(reader, writer):
        seen.extend(await reader.readuntil(b"\r\n\r\n"))
        seen.extend(await reader.readexactly(4))
        writer.write(OK)

    port = await serve(handler)
    headers = ["Host: other.example", "Accept: text/html", "text/plain"]
    result = await ask(
        "http", url(port, "/a"), method="POST", headers=headers, body="body"
    )
    assert result.outcome is Outcome.OK
    head, _, body = bytes(seen).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first == "POST /a HTTP/1.1"
    assert body == b"body"
    assert sorted(lines) == [
        "Accept-Encoding: gzip, deflate",
        "Accept: text/html, text/plain",
        "Connection: close",
        "Content-Length: 4",
        "Host: other.example",
        "User-Agent: Pangea",
    ]


async def test_head_has_no_body_whatever_its_length_says(serve, ask):
    port = await serve(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
    assert (await ask("http", url(port), method="HEAD")).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("status", "expect", "outcome"),
    [
        ("200 OK", None, Outcome.OK),
        ("204 No Content", None, Outcome.OK),
        ("404 Not Found", None, Outcome.FAILED),
        ("404 Not Found", "200-299,404", Outcome.OK),
        ("404 Not Found", 404, Outcome.OK),
        ("418 Teapot", ["4xx"], Outcome.OK),
        ("500 Broken", [200, "4xx"], Outcome.FAILED),
    ],
)
async def test_the_status_is_one_of_those_wanted(serve, ask, status, expect, outcome):
    port = await serve(answer(b"", status=status))
    options = {} if expect is None else {"expect_status": expect}
    result = await ask("http", url(port), **options)
    assert result.outcome is outcome
    if outcome is Outcome.FAILED:
        assert result.reason == "status"
        assert f"got status {status[:3]}, wanted " in result.detail


@pytest.mark.parametrize(
    ("raw", "reason", "says"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "protocol", "not HTTP: got 'SSH-2.0"),
        (b"\x00\xff\x1b[31m" * 9, "protocol", "not HTTP"),
        (b"HTTP/1.1 abc\r\n\r\n", "protocol", "breaks HTTP"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"a" * 70_000, "too_large", "headers"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 9000 + b"\r\n", "too_large", "headers"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 4000, "too_large", "headers"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
            "protocol",
            "breaks HTTP",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "closed",
            "cut off after 5 bytes",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: "
            + b"t" * 200_000,
            "protocol",
            "more room than the body",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "closed", "got 5 of 9"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Length: 8\r\n\r\n",
            "protocol",
            "breaks HTTP",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n",
            "protocol",
            "breaks HTTP",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "closed", "within the headers"),
        (b"", "closed", "without an answer"),
        (answer(b"no gzip", "Content-Encoding: gzip"), "protocol", "not valid gzip"),
        (
            answer(gzip.compress(b"x" * 99)[:15], "Content-Encoding: gzip"),
            "closed",
            "gzip body is cut off",
        ),
        (answer(b"", status="302 Found"), "redirect", "where to"),
        (answer(b"", "Location: ftp://x/", status="302 F"), "redirect", "nowhere"),
        (answer(b"", "Location: http://[::1", status="302 F"), "redirect", "nowhere"),
    ],
    ids=lambda part: part[:18].decode("latin-1") if type(part) is bytes else part,
)
async def test_a_hostile_answer_is_a_clear_failure(serve, ask, raw, reason, says):
    port = await serve(raw)
    result = await ask("http", url(port))
    assert (result.outcome, result.reason) == (Outcome.FAILED, reason), result.detail
    assert says in result.detail
    assert "\x1b" not in result.detail


async def test_a_reset_is_called_a_reset(serve, ask):
    async def handler(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        linger = b"\x01\0\0\0\0\0\0\0"
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    result = await ask("http", url(await serve(handler)))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "reset")
    assert "connection reset by peer" in result.detail


async def test_nobody_listening_is_refused_and_names_the_address(serve, ask):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        result = await ask("http", url(port))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "refused")
    assert result.detail == f"connect to 127.0.0.1:{port}: connection refused"


async def test_an_interim_answer_is_not_the_answer(serve, ask):
    port = await serve(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK)
    assert (await ask("http", url(port))).readings["status"] == 200


async def test_a_body_until_the_end_of_the_connection_is_whole(serve, ask):
    port = await serve(b"HTTP/1.0 200 OK\r\n\r\nhello world")
    result = await ask("http", url(port), body_contains="world")
    assert (result.outcome, result.readings["bytes"]) == (Outcome.OK, 11)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"hello ") + gzip.compress(b"world")),
        ("deflate", zlib.compress(b"hello world")),
        ("deflate", zlib.compress(b"hello world")[2:-4]),
        ("identity", b"hello world"),
    ],
    ids=["gzip in two members", "deflate", "deflate without header", "identity"],
)
async def test_a_packed_body_is_read(serve, ask, encoding, packed):
    port = await serve(answer(packed, f"Content-Encoding: {encoding}"))
    result = await ask("http", url(port), body_contains="hello world")
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert result.readings["bytes"] == 11


async def test_a_gzip_bomb_does_not_go_off(serve, ask):
    bomb = gzip.compress(b"\0" * 30_000_000)
    port = await serve(answer(bomb, "Content-Encoding: gzip"))
    result = await ask("http", url(port), body_contains="x")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "too_large")
    assert result.readings["bytes"] == 1024 * 1024


async def test_a_long_page_is_read_as_far_as_the_limit(serve, ask):
    port = await serve(answer(b"begin" + b"x" * 2_000_000 + b"end"))
    result = await ask("http", url(port), body_contains="begin")
    assert result.outcome is Outcome.OK
    assert result.readings["truncated"] is True
    missing = await ask("http", url(port), body_contains="end")
    assert missing.reason == "body"
    assert "within its first 1048576 bytes" in missing.detail
    limited = await ask("http", url(port), max_body_bytes=1000)
    assert (limited.outcome, limited.reason) == (Outcome.FAILED, "too_large")


async def test_the_body_is_judged_in_its_own_charset(serve, ask):
    body = "größe".encode("latin-1")
    port = await serve(answer(body, "Content-Type: text/html; charset=ISO-8859-1"))
    assert (await ask("http", url(port), body_contains="größe")).outcome is Outcome.OK
    result = await ask("http", url(port), body_not_contains="größe")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "body")


async def test_a_slow_answer_warns(serve, ask):
    result = await ask("http", url(await serve(OK)), warn_latency_ms=0.001)
    assert (result.outcome, result.reason) == (Outcome.OK, "latency")
    assert result.flags & Flag.WARN


async def redirecting(serve, location, status="302 Found"):
    """Return the port of a server that sends everyone from / to *location*."""
    seen = []

    async def handler(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        seen.append(head)
        if head.split()[1] == "/end":
            writer.write(OK)
        else:
            writer.write(answer(b"", f"Location: {location}", status=status))

    return await serve(handler), seen


async def test_a_redirect_is_followed_and_counted(serve, ask):
    port, seen = await redirecting(serve, "/end")
    result = await ask("http", url(port), headers={"Authorization": "Bearer s3"})
    assert result.outcome is Outcome.OK
    assert result.readings["redirects"] == 1
    assert result.readings["final_url"] == url(port, "/end")
    assert all("Bearer s3" in head for head in seen)


async def test_a_redirect_need_not_be_well_written(serve, ask):
    port, seen = await redirecting(serve, "a b/ä#part", "301 Moved")
    result = await ask("http", url(port, "/x/y"), max_redirects=1)
    assert result.reason == "redirect"
    assert seen[1].startswith("GET /x/a%20b/%C3%A4 HTTP/1.1")


async def test_a_redirect_round_and_round_ends(serve, ask):
    port, seen = await redirecting(serve, "/")
    result = await ask("http", url(port), max_redirects=3)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "redirect")
    assert len(seen) == 4


async def test_a_secret_does_not_cross_to_another_origin(serve, ask):
    there, seen_there = await redirecting(serve, "/")
    port, seen = await redirecting(serve, url(there, "/end"))
    headers = {"Authorization": "Bearer s3", "X-Key": "k3", "Accept": "text/x"}
    result = await ask("http", url(port), headers=headers)
    assert result.outcome is Outcome.OK
    assert "s3" in seen[0]
    assert "k3" in seen[0]
    assert "s3" not in seen_there[0]
    assert "k3" not in seen_there[0]
    assert "Accept: text/x" in seen_there[0]


@pytest.mark.parametrize(
    ("status", "method"),
    [("303 See Other", "GET"), ("302 Found", "GET"), ("307 Again", "POST")],
)
async def test_a_redirected_post_becomes_what_the_rfc_says(serve, ask, status, method):
    port, seen = await redirecting(serve, "/end", status)
    await ask("http", url(port), method="POST", body="")
    assert seen[1].startswith(f"{method} /end")


async def test_a_redirect_that_is_wanted_is_the_answer(serve, ask):
    port, seen = await redirecting(serve, "/end")
    assert (await ask("http", url(port), expect_status="302")).outcome is Outcome.OK
    unfollowed = await ask("http", url(port), follow_redirects=False)
    assert (unfollowed.reason, len(seen)) == ("status", 2)


async def test_https_shows_and_judges_the_certificate(serve, ask, server_tls, ca_file):
    port = await serve(OK, server_tls)
    target = f"127.0.0.1:{port}"
    good = await ask("http", target, ca_file=ca_file)
    assert (good.outcome, good.detail) == (Outcome.OK, "")
    phases = [phase for phase in good.phases if phase != "wait"]
    assert phases == ["connect", "tls", "first_byte", "transfer"]
    assert good.readings["days_left"] > 0
    assert good.readings["not_after"].endswith("Z")
    assert good.readings["tls_version"] == "TLSv1.3"
    for_another = await ask("http", target, ca_file=ca_file, server_name="other.lan")
    assert for_another.reason == "cert_wrong_host"
    assert "wanted other.lan, got 127.0.0.1" in for_another.detail
    unjudged = await ask("http", target, server_name="other.lan", verify=False)
    assert unjudged.outcome is Outcome.OK


async def test_without_verify_a_certificate_may_be_unreadable(tools):
    class Broken:
        def chain(self):
            return (b"junk",)

    trace = Trace()
    how = {"verify": False, "ca_file": ""}
    assert tools.tls.accept(Broken(), "a", trace, **how) == ()
    with pytest.raises(ProbeFailed, match="malformed"):
        tools.tls.accept(Broken(), "a", trace, verify=True, ca_file="")


async def test_plain_http_where_tls_was_wanted_is_said_so(serve, ask):
    port = await serve(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def answer_anything(reader, writer):
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    port = await serve(answer_anything)
    result = await ask("http", f"127.0.0.1:{port}")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "tls_handshake")
    assert "does not speak TLS" in result.detail
    assert result.detail.endswith("; without TLS the target begins with http://")


async def test_silence_and_a_dripping_server_are_ended_in_time(serve, ask):
    async def drip(reader, writer):
        while True:
            writer.write(b"H")
            await asyncio.sleep(0.02)

    async def silent(reader, writer):
        await asyncio.sleep(9)

    targets = [
        f"http://127.0.0.1:{await serve(drip)}",
        f"https://127.0.0.1:{await serve(silent)}",
        url(await serve(silent)),
    ]
    drips, hands, waits = await asyncio.gather(
        *(ask("http", target, timeout_s=0.2) for target in targets)
    )
    assert (drips.outcome, drips.reason) == (Outcome.FAILED, "protocol")
    assert hands.detail == "no answer within 0.2 s (while: tls)"
    assert waits.detail == "no answer within 0.2 s (while: first_byte)"


async def test_every_end_leaves_no_socket_open(serve, ask, server_tls):
    async def hang(reader, writer):
        await reader.read(1)
        writer.write(b"HTTP/1.1 200 OK\r\n")
        await reader.read()

    port, secured = await serve(hang), await serve(OK, server_tls)
    before = open_sockets()
    for _ in range(3):
        assert (await ask("http", url(port), timeout_s=0.1)).reason == "timeout"
        assert (await ask("http", f"127.0.0.1:{secured}")).reason == "cert_untrusted"
        cancelled = asyncio.ensure_future(ask("http", url(port)))
        await asyncio.sleep(0.02)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
    for _ in range(40):
        if open_sockets() == before:
            break
        await asyncio.sleep(0.005)
    assert open_sockets() == before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"metod": "GET"}, "metod"),
        ({"method": "BREW"}, "method"),
        ({"headers": {"A\r\nB": "c"}}, "header name"),
        ({"headers": {"A": "b\r\nC: d"}}, "control character"),
        ({"headers": ["no colon"]}, "not a header"),
        ({"headers": {"Content-Length": "5"}}, "set by the probe"),
        ({"headers": {"A": "x" * 9000}}, "larger than"),
        ({"expect_status": "2000"}, "not a status"),
        ({"expect_status": "299-200"}, "backwards"),
        ({"expect_status": []}, "empty"),
        ({"max_redirects": 21}, "max_redirects"),
        ({"max_body_bytes": 0}, "max_body_bytes"),
        ({"server_name": "a b"}, "space"),
        ({"family": "ipv5"}, "family"),
        ({"body": "x" * 70_000}, "body"),
    ],
)
def test_a_wrong_option_is_refused_in_words(options, says):
    with pytest.raises(UsageError, match=says):
        make_probe("http", "http://a", options)


@given(st.binary(max_size=300), st.integers(1, 7))
def test_the_reader_takes_any_bytes_in_any_pieces(data, size):
    reader = HttpReader(has_body=True, limit=100, keep=True)
    try:
        for at in range(0, len(data), size):
            reader.feed(data[at : at + size])
        reader.feed_eof()
        reason = ""
    except ProbeFailed as failure:
        reason = failure.reason
    assert reason in ("protocol", "closed", "too_large") or reader.done


@given(
    st.binary(max_size=500), st.integers(1, 9), st.sampled_from(["gzip", "identity"])
)
def test_the_reader_counts_the_same_however_it_is_cut(body, size, encoding):
    packed = gzip.compress(body) if encoding == "gzip" else body
    raw = answer(packed, f"Content-Encoding: {encoding}")
    reader = HttpReader(has_body=True, limit=1000, keep=True)
    for at in range(0, len(raw), size):
        reader.feed(raw[at : at + size])
    assert (reader.done, bytes(reader.body.kept), reader.body.size) == (
        True,
        body,
        len(body),
    )
