import asyncio
import contextlib
import os
import socket
import ssl
import threading

import dns.rdatatype
import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from pangea.core.errors import UsageError
from pangea.core.model import Outcome
from pangea.probes.base import Trace, make_probe
from tests.probes.name_server import respond, udp_server
from tests.probes.test_http import OK, answer, redirecting, url

CLOSED = "HTTP/1.1 {} No\r\nContent-Length: 0\r\n\r\n"


class ProxyServer:
    """A real HTTP proxy: CONNECT and absolute-form, for one user or everybody."""

    def __init__(self, wanted=""):
        self.wanted, self.asked = wanted, []

    async def __call__(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head)
        method, where, _ = head.split("\r\n")[0].split(" ")
        if f"Proxy-Authorization: {self.wanted}\r\n" not in head and self.wanted:
            writer.write(CLOSED.format(407).encode())
            return
        authority = where if method == "CONNECT" else where.split("/")[2]
        host, _, port = authority.rpartition(":")
        try:
            theirs, there = await asyncio.open_connection(host, int(port))
        except OSError:
            writer.write(CLOSED.format(503).encode())
            return
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            there.write(head.encode())
        await asyncio.gather(carry(reader, there), carry(theirs, writer))


async def carry(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def test_https_goes_through_the_proxy_in_a_tunnel(
    serve, ask, server_tls, ca_file
):
    proxy, port = ProxyServer(), await serve(OK, server_tls)
    through = await serve(proxy)
    result = await ask(
        "http", f"127.0.0.1:{port}", proxy=f"127.0.0.1:{through}", ca_file=ca_file
    )
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert proxy.asked[0].startswith(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: ")
    assert result.readings["proxy"] == f"127.0.0.1:{through}"
    assert result.readings["subject"]
    phases = [phase for phase in result.phases if phase != "wait"]
    assert phases == ["connect", "tls", "first_byte", "transfer"]


@pytest.mark.parametrize("tunnel", [False, True])
async def test_http_goes_through_the_proxy_either_way(serve, ask, tunnel):
    proxy, port = ProxyServer("Basic bWU6cHc="), await serve(OK)
    through = await serve(proxy)
    how = {"proxy": f"http://127.0.0.1:{through}", "proxy_tunnel": tunnel}
    good = {"proxy_user": "me", "proxy_password": "pw"}
    result = await ask("http", url(port, "/x"), **how, **good)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    begin = f"CONNECT 127.0.0.1:{port}" if tunnel else f"GET {url(port, '/x')}"
    assert proxy.asked[0].startswith(begin + " HTTP/1.1\r\n")
    result = await ask("http", url(port, "/x"), **how)
    assert (result.outcome, result.reason) == (Outcome.ERROR, "proxy")
    assert "answered 407: it wants a user and a password" in result.detail


async def test_what_the_proxy_says_of_the_target_is_the_targets_fault(serve, ask):
    through = await serve(ProxyServer())
    result = await ask("http", "127.0.0.1:1", proxy=f"127.0.0.1:{through}")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "unreachable")
    assert result.detail.endswith("answered 503 to CONNECT 127.0.0.1:1")


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "answered 403 to CONNECT"),
        (b"SSH-2.0-x\x1b[31m\r\n\r\n", "this is not HTTP"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", "speaks before it is asked: 'hello'"),
        (b"HTTP/1.1 200 OK\r\n", "within the headers"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"a" * 90_000, "headers are larger"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 5000, "proxy"),
        (b"", "without an answer"),
    ],
    ids=lambda part: repr(part[:12]),
)
async def test_a_proxy_that_misbehaves_says_nothing_of_the_target(
    serve, ask, raw, says
):
    through = await serve(raw)
    result = await ask("http", "host.example", proxy=f"127.0.0.1:{through}")
    assert (result.outcome, result.reason) == (Outcome.ERROR, "proxy"), result.detail
    assert says in result.detail
    assert "\x1b" not in result.detail


async def test_no_proxy_there_says_nothing_of_the_target(ask):
    result = await ask("http", "host.example", proxy="127.0.0.1:1")
    assert (result.outcome, result.reason) == (Outcome.ERROR, "proxy")
    assert "the proxy 127.0.0.1:1: connect to 127.0.0.1:1: connection refused" in (
        result.detail
    )


def names(**addresses):
    """A name server that knows *addresses* by kind, of every name."""
    asked = []

    def reply(question):
        kind = dns.rdatatype.to_text(question.question[0].rdtype)
        asked.append(f"{question.question[0].name} {kind}")
        known = [addresses[kind]] if kind in addresses else []
        return respond(question, *known).to_wire()

    return reply, asked


async def test_a_resolver_of_its_own_is_asked_each_time(serve, ask):
    port = await serve(OK)
    reply, asked = names(A="127.0.0.1")
    async with udp_server(reply) as server:
        for _ in range(2):
            result = await ask(
                "http",
                f"http://host.example:{port}",
                resolver=f"127.0.0.1:{server}",
            )
            assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert asked == ["host.example. A"] * 2
    assert list(result.phases) == ["resolve", "connect", "first_byte", "transfer"]


@pytest.mark.parametrize(
    ("how", "reason", "says"),
    [
        ({"rcode": "NXDOMAIN"}, "name_not_found", "host.example does not exist"),
        ({"rcode": "SERVFAIL"}, "resolver_failed", "got SERVFAIL"),
        ({}, "no_address", "has no address"),
    ],
)
async def test_what_the_resolver_says_is_told_apart(ask, how, reason, says):
    async with udp_server(lambda q: respond(q, **how).to_wire()) as server:
        result = await ask("http", "host.example", resolver=f"127.0.0.1:{server}")
    assert (result.outcome, result.reason) == (Outcome.FAILED, reason)
    assert says in result.detail


async def test_an_answer_of_garbage_is_the_resolvers_fault(ask):
    def garbage(question):
        return respond(question, "127.0.0.1").to_wire()[:-3]

    async with udp_server(garbage) as server:
        result = await ask("http", "host.example", resolver=f"127.0.0.1:{server}")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "protocol")


@pytest.mark.needs("ipv6")
async def test_both_families_are_asked_one_after_the_other(ask):
    asked = []

    async def handler(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        asked.append(writer.get_extra_info("sockname")[0])
        writer.write(OK)
        writer.close()

    reply, _ = names(A="127.0.0.1", AAAA="::1")
    async with contextlib.AsyncExitStack() as stack:
        ipv4 = await asyncio.start_server(handler, "127.0.0.1", 0)
        port = ipv4.sockets[0].getsockname()[1]
        ipv6 = await asyncio.start_server(handler, "::1", port)
        for server in (ipv4, ipv6):
            await stack.enter_async_context(server)
        resolver = await stack.enter_async_context(udp_server(reply))
        target = f"http://host.example:{port}"
        how = {"family": "both", "resolver": f"127.0.0.1:{resolver}"}
        good = await ask("http", target, **how)
        assert (good.outcome, good.detail) == (Outcome.OK, "")
        assert asked == ["127.0.0.1", "::1"]
        assert good.readings["ipv4"]["address"] == "127.0.0.1"
        assert good.readings["ipv6"]["address"] == "::1"
        assert list(good.readings["ipv6"]["phases"]) == list(good.phases)
        ipv6.close()
        await ipv6.wait_closed()
        half = await ask("http", target, **how)
    assert (half.outcome, half.reason) == (Outcome.FAILED, "refused")
    assert half.detail == f"ipv6: connect to [::1]:{port}: connection refused"
    assert half.readings["ipv4"]["status"] == 200
    assert list(half.phases) == ["resolve", "connect", "first_byte", "transfer"]


async def test_a_name_with_one_family_fails_where_both_are_wanted(serve, ask):
    port = await serve(OK)
    reply, _ = names(A="127.0.0.1")
    async with udp_server(reply) as server:
        result = await ask(
            "http",
            f"http://host.example:{port}",
            family="both",
            resolver=f"127.0.0.1:{server}",
        )
    assert (result.outcome, result.reason) == (Outcome.FAILED, "no_address")
    assert result.detail == "ipv6: the name host.example has no ipv6 address"


async def test_each_hop_is_told_with_its_certificate(serve, ask, server_tls, ca_file):
    end = await serve(OK)
    middle, _ = await redirecting(serve, url(end, "/end"))
    begin = await serve(
        answer(b"", f"Location: {url(middle)}", status="302 Found"), server_tls
    )
    result = await ask("http", f"127.0.0.1:{begin}", ca_file=ca_file)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    first, second, last = result.readings["hops"]
    assert (first["url"], first["status"]) == (f"https://127.0.0.1:{begin}/", 302)
    assert first["not_after"].endswith("Z")
    assert "subject" in first
    assert second.keys() == {"url", "status", "address", "ms"}
    assert (last["url"], last["status"]) == (url(end, "/end"), 200)
    assert all(hop["ms"] > 0 for hop in result.readings["hops"])
    # The end was in the clear: there is no certificate to speak of.
    assert "not_after" not in result.readings
    assert "tls_version" not in result.readings
    phases = [phase for phase in result.phases if phase != "wait"]
    assert phases == ["connect", "tls", "first_byte", "transfer"]


async def test_the_hops_are_told_also_if_one_fails(serve, ask):
    port, _ = await redirecting(serve, "http://127.0.0.1:1/")
    result = await ask("http", url(port))
    assert (result.reason, len(result.readings["hops"])) == ("refused", 1)


@pytest.mark.parametrize(
    "location", ["ftp://a/", "file:///etc/passwd", "javascript:alert(1)", "gopher:x"]
)
async def test_a_redirect_to_another_scheme_is_not_followed(serve, ask, location):
    port, _ = await redirecting(serve, location)
    result = await ask("http", url(port))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "redirect")


@pytest.fixture
def person(authority):
    return authority.issue_cert("person@example.lan")


@pytest.fixture
def strict(authority, server_tls):
    """The port of a server that wants certificates; asyncio's swallow their alerts."""
    server_tls.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(server_tls)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                answer_one(listener.accept()[0])

    def answer_one(sock):
        # The copy keeps the connection until the alert has been read.
        with sock.dup() as kept:
            try:
                with server_tls.wrap_socket(sock, True) as tls:
                    tls.recv(65536)
                    tls.sendall(OK)
            except ssl.SSLError:
                while kept.recv(65536):
                    pass

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def pems(cert: trustme.LeafCert):
    key = cert.private_key_pem.bytes().decode()
    return "".join(p.bytes().decode() for p in cert.cert_chain_pems), key


async def test_a_client_certificate_is_shown_as_text_or_file(
    ask, strict, person, tmp_path
):
    certificate, key = pems(person)
    (tmp_path / "cert.pem").write_text(certificate)
    (tmp_path / "key.pem").write_text(key)
    (tmp_path / "both.pem").write_text(certificate + key)
    for cert, its_key in [
        (certificate, key),
        (certificate + key, ""),
        (str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")),
        (str(tmp_path / "both.pem"), ""),
    ]:
        result = await ask(
            "http",
            f"127.0.0.1:{strict}",
            verify=False,
            client_cert=cert,
            client_key=its_key,
        )
        assert (result.outcome, result.detail) == (Outcome.OK, "")


async def test_a_renewed_certificate_is_read_anew(ask, strict, person, tmp_path):
    path = tmp_path / "both.pem"
    path.write_text("".join(pems(trustme.CA().issue_cert("stranger@a.lan"))))
    how = {"verify": False, "client_cert": str(path)}
    result = await ask("http", f"127.0.0.1:{strict}", **how)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "tls_handshake")
    path.write_text("".join(pems(person)))
    assert (await ask("http", f"127.0.0.1:{strict}", **how)).outcome is Outcome.OK


async def test_a_missing_client_certificate_is_said_so(ask, strict):
    result = await ask("http", f"127.0.0.1:{strict}", verify=False)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "tls_handshake")
    assert "certificate_required" in result.detail


async def test_a_file_that_is_no_certificate_is_our_fault(
    ask, strict, tmp_path, person
):
    junk, fifo = tmp_path / "junk", tmp_path / "fifo"
    junk.write_bytes(b"\0\xff" * 99)
    os.mkfifo(fifo)
    certificate, _ = pems(person)
    _, other = pems(trustme.CA().issue_cert("other@a.lan"))
    (tmp_path / "cert").write_text(certificate)
    (tmp_path / "other").write_text(other)
    for cert, key, says in [
        (tmp_path / "none", "", "no such file"),
        (tmp_path, "", "is a directory|is not a file"),
        ("/dev/zero", "", "is not a file"),
        (fifo, "", "is not a file"),
        (junk, "", "not PEM"),
        (tmp_path / "cert", "", "not PEM"),
        (tmp_path / "cert", tmp_path / "other", "does not belong"),
        ("a\0b", "", "null"),
    ]:
        result = await ask(
            "http", f"127.0.0.1:{strict}", client_cert=str(cert), client_key=str(key)
        )
        assert (result.outcome, result.reason) == (Outcome.ERROR, "client_cert")
        assert any(one in result.detail for one in says.split("|")), result.detail


def test_pem_text_that_is_no_good_is_refused_at_once(person):
    certificate, key = pems(person)
    locked = load_pem_private_key(key.encode(), None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw")
    )
    _, other = pems(trustme.CA().issue_cert("other@a.lan"))
    for cert, its_key, says in [
        (certificate, other, "does not belong"),
        (certificate, locked.decode(), "encrypted"),
        (certificate, "", "not PEM"),
        (key, key, "not PEM"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", key, "PEM"),
    ]:
        options = {"client_cert": cert, "client_key": its_key}
        with pytest.raises(UsageError, match=says) as error:
            make_probe("http", "https://a", options)
        assert "BEGIN" not in str(error.value)


async def test_our_certificate_does_not_cross_to_another_origin(
    serve, ask, strict, person
):
    port, _ = await redirecting(serve, f"https://127.0.0.1:{strict}/")
    certificate, key = pems(person)
    how = {"client_cert": certificate, "client_key": key, "verify": False}
    result = await ask("http", url(port), **how)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "tls_handshake")


async def test_another_certificate_than_before_is_noticed(
    serve, tools, authority, server_tls
):
    port, seen = await serve(OK, server_tls), {}
    probe = make_probe("http", f"127.0.0.1:{port}", {"verify": False})
    first, again, other = (Trace(seen) for _ in range(3))
    await probe.run(first, tools)
    await probe.run(again, tools)
    authority.issue_cert("127.0.0.1").configure_cert(server_tls)
    await probe.run(other, tools)
    assert (first.changed, again.changed) == ({}, {})
    assert other.changed["certificate"] == {
        "before": first.readings["fingerprint_sha256"],
        "after": other.readings["fingerprint_sha256"],
    }
