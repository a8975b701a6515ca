"""The door of the mesh over TLS: bound to the certificate, whoever is in between."""

import asyncio
import os
import ssl
import subprocess
from contextlib import asynccontextmanager, suppress

import pytest

from pangea.core.errors import LinkClosed, PangeaError, ProtocolError, Unreachable
from pangea.mesh.dial import Address, dial
from pangea.mesh.messages import Applied
from pangea.mesh.tls_binding import PROXIED, fingerprint, prologue
from pangea.web.tls import Certificate, load
from tests.mesh.tls_parties import join, middleman, own_pair, welcome
from tests.needs import need
from tests.web.proxy import networks, terminating
from tests.web.site import serving, until


async def accept(channel, address, proven):
    with suppress(PangeaError):
        await welcome(channel, address, proven)


@pytest.fixture
def pair(tmp_path):
    return own_pair(tmp_path / "own")


@pytest.fixture
async def secure(pair):
    async with serving(accept_link=accept, tls=Certificate(lambda: pair).context) as s:
        yield s


async def test_a_link_is_bound_to_the_certificate(secure, pair):
    channel = await dial(Address("127.0.0.1", secure.running.port, tls=True))
    shown = load(pair).certificate
    assert channel.prologue == prologue(shown)
    link = await join(channel)
    await link.send(Applied(7))
    assert await link.receive() == Applied(7)
    assert secure.links[0].prologue == channel.prologue
    await link.close()


async def test_an_address_without_a_scheme_finds_tls_by_itself(secure):
    channel = await dial(Address("127.0.0.1", secure.running.port))
    assert channel.prologue.startswith(b"tls")
    await (await join(channel)).close()


async def test_https_is_never_asked_in_the_clear():
    async with serving(accept_link=accept) as plain:
        with pytest.raises(Unreachable, match="no TLS there"):
            await dial(Address("127.0.0.1", plain.running.port, tls=True))


async def test_who_ends_tls_on_the_way_gets_no_handshake(secure, tmp_path):
    async with middleman(tmp_path / "his", secure.running.port) as port:
        channel = await dial(Address("127.0.0.1", port, tls=True))
        with pytest.raises(ProtocolError):
            await join(channel)


async def test_he_gains_nothing_by_calling_himself_our_proxy(secure, tmp_path):
    def lie(data):
        return data.replace(
            b"\r\nHost:",
            b"\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 192.0.2.1\r\nHost:",
        ).replace(b"pangea-bound, ", b"")

    async with middleman(tmp_path / "his", secure.running.port, change=lie) as port:
        channel = await dial(Address("127.0.0.1", port, tls=True))
        with pytest.raises(ProtocolError):
            await join(channel)


@asynccontextmanager
async def liar(place, port, tls):
    """End TLS, carry on to *port* by *tls* (None: in the clear), and say "proxied"."""

    async def between(reader, writer):
        there, out = await asyncio.open_connection("127.0.0.1", port, ssl=tls)

        async def back():
            head = await there.readuntil(b"\r\n\r\n")
            writer.write(head.replace(b"pangea-bound", b"pangea-proxied"))
            while data := await there.read(65536):
                writer.write(data)
            writer.close()

        async def forth():
            while data := await reader.read(65536):
                out.write(data)
            out.close()

        await asyncio.gather(back(), forth(), return_exceptions=True)

    server = await asyncio.start_server(
        between, "127.0.0.1", 0, ssl=load(own_pair(place))
    )
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("in_the_clear", [False, True])
async def test_he_gains_nothing_by_naming_the_proxy_to_the_worker(
    pair, tmp_path, in_the_clear
):
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.check_hostname, asking.verify_mode = False, ssl.CERT_NONE
    ours = None if in_the_clear else Certificate(lambda: pair).context
    async with (
        serving(accept_link=accept, tls=ours) as site,
        liar(tmp_path, site.running.port, ours and asking) as port,
    ):
        channel = await dial(Address("127.0.0.1", port, tls=True))
        assert channel.prologue == PROXIED
        with pytest.raises(ProtocolError):
            await join(channel)


async def test_behind_a_proxy_of_ours_nothing_is_bound(tmp_path):
    async with (
        serving(accept_link=accept, proxies=networks("127.0.0.1")) as site,
        terminating(tmp_path, site.running.port) as port,
    ):
        channel = await dial(Address("127.0.0.1", port, tls=True))
        assert channel.prologue == PROXIED
        await (await join(channel)).close()


async def test_a_proxy_that_is_not_configured_breaks_the_handshake(tmp_path):
    async with (
        serving(accept_link=accept) as site,
        terminating(tmp_path, site.running.port) as port,
    ):
        channel = await dial(Address("127.0.0.1", port, tls=True))
        with pytest.raises(ProtocolError):
            await join(channel)


async def test_a_ca_file_is_verified_too(secure, pair, tmp_path):
    port = secure.running.port
    good = await dial(Address("localhost", port, tls=True), ca_file=str(pair[0]))
    await (await join(good)).close()
    other, _ = own_pair(tmp_path / "other")
    with pytest.raises(Unreachable, match="not one that ca_file vouches for"):
        await dial(Address("localhost", port, tls=True), ca_file=str(other))


async def test_links_live_on_when_the_certificate_changes(tmp_path):
    pair = own_pair(tmp_path)
    certificate = Certificate(lambda: pair)
    follower = asyncio.create_task(certificate.follow(0.02))
    async with serving(accept_link=accept, tls=certificate.context) as site:
        where = Address("127.0.0.1", site.running.port, tls=True)
        before = await join(await dial(where))
        waiting = await dial(where)  # its handshake comes after the change
        old = certificate.shown.certificate
        pair[0].unlink()
        own_pair(tmp_path)
        await until(lambda: certificate.shown.certificate != old)
        late = await join(waiting)
        channel = await dial(where)
        after = await join(channel)
        assert channel.prologue == prologue(certificate.shown.certificate)
        assert waiting.prologue == prologue(old)
        for link in (before, late, after):
            await link.send(Applied(1))
            assert await link.receive() == Applied(1)
            await link.close()
    follower.cancel()


@pytest.mark.parametrize(
    ("version", "spoken"),
    [("-tls1", False), ("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)],
)
async def test_tls_1_2_is_the_floor(secure, version, spoken):
    need("openssl")
    where = f"127.0.0.1:{secure.running.port}"
    weakest = ["-cipher", "ALL:@SECLEVEL=0"]
    said = await asyncio.to_thread(
        subprocess.run,
        ["openssl", "s_client", "-connect", where, version, *weakest],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=10,
        env={**os.environ, "OPENSSL_CONF": "/dev/null"},
        check=False,
    )
    assert (b"BEGIN CERTIFICATE" in said.stdout) is spoken


async def test_what_can_do_better_gets_1_3(secure):
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.check_hostname, asking.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection(
        "127.0.0.1", secure.running.port, ssl=asking
    )
    assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
    writer.close()


async def test_a_stranger_who_only_listens_learns_no_reason(secure, tmp_path):
    async with middleman(tmp_path / "his", secure.running.port) as port:
        channel = await dial(Address("127.0.0.1", port, tls=True))
        await channel.send(b"\0" * 100)
        with pytest.raises(LinkClosed):
            await channel.receive()


def test_the_fingerprint_is_written_as_openssl_does(pair):
    need("openssl")
    shown = subprocess.run(
        ["openssl", "x509", "-in", pair[0], "-noout", "-fingerprint", "-sha256"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown.strip().endswith(fingerprint(load(pair).certificate))
