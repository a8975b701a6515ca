"""Which certificate is shown: given, our own, and what is done when files change."""

import asyncio
import datetime
import logging
import ssl
import subprocess

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pangea.core.errors import ConfigError
from pangea.web.certificate import keep_own, own_names
from pangea.web.tls import Certificate, load
from tests.mesh.tls_parties import own_pair
from tests.needs import need
from tests.web.site import until

NOW = 1_790_000_000.0
DAY = 86400.0


def parsed(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def given_pair(place, name="mon.example.net"):
    """Write a certificate of a small authority and its key, as certbot would."""
    place.mkdir(exist_ok=True)
    issued = trustme.CA().issue_cert(name, "*.example.net")
    chain, key = place / "chain.pem", place / "key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    key.chmod(0o600)
    return chain, key


def mode(path):
    return path.stat().st_mode & 0o777


# our own


def test_our_own_certificate_is_for_this_machine_and_a_year(tmp_path):
    certificate, key = keep_own(tmp_path, own_names("0.0.0.0"), NOW, also=["10.1.2.3"])
    made = parsed(certificate)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "localhost" in names.get_values_for_type(x509.DNSName)
    shown = {str(ip) for ip in names.get_values_for_type(x509.IPAddress)}
    assert shown == {"127.0.0.1", "::1", "10.1.2.3"}
    assert made.not_valid_after_utc.timestamp() == NOW + 365 * DAY
    assert made.public_key().curve.name == "secp256r1"
    assert mode(certificate) == mode(key) == 0o600


def test_it_stays_until_it_nears_its_end_and_the_key_stays_then_too(tmp_path):
    certificate, key = keep_own(tmp_path, ["localhost"], NOW)
    first, secret = certificate.read_bytes(), key.read_bytes()
    keep_own(tmp_path, ["localhost"], NOW + 334 * DAY, also=["10.9.9.9"])
    assert certificate.read_bytes() == first
    keep_own(tmp_path, ["localhost"], NOW + 336 * DAY)
    assert certificate.read_bytes() != first
    assert key.read_bytes() == secret


@pytest.mark.parametrize("now", [NOW - 3 * DAY, NOW + 400 * DAY])
def test_one_made_while_the_clock_was_wrong_is_made_again(tmp_path, now):
    certificate, _ = keep_own(tmp_path, ["localhost"], NOW)
    first = certificate.read_bytes()
    keep_own(tmp_path, ["localhost"], now)
    assert certificate.read_bytes() != first


def test_a_name_it_lacks_makes_a_new_one(tmp_path):
    certificate, _ = keep_own(tmp_path, ["localhost"], NOW)
    keep_own(tmp_path, ["localhost", "mon.example.net"], NOW)
    assert "mon.example.net" in load((certificate, tmp_path / "tls.key")).names


@pytest.mark.parametrize("name", ["*", "a" * 70, "", "münchen.example"])
def test_names_that_no_certificate_can_say_do_no_harm(tmp_path, name):
    certificate, _ = keep_own(tmp_path, ["localhost", name], NOW)
    before = certificate.read_bytes()
    keep_own(tmp_path, ["localhost", name], NOW)
    assert certificate.read_bytes() == before


def test_a_damaged_certificate_is_made_again_and_a_damaged_key_is_told(tmp_path):
    certificate, key = keep_own(tmp_path, ["localhost"], NOW)
    certificate.write_bytes(b"-----BEGIN CERTIFICATE-----\nxx\n")
    keep_own(tmp_path, ["localhost"], NOW)
    assert parsed(certificate)
    key.write_bytes(b"xx")
    with pytest.raises(ConfigError, match="damaged") as error:
        keep_own(tmp_path, ["localhost"], NOW)
    assert "remove it" in error.value.hint


async def test_who_trusts_the_file_needs_no_authority(tmp_path):
    pair = own_pair(tmp_path)
    trusting = ssl.create_default_context(cafile=pair[0])
    server = await asyncio.start_server(
        lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=load(pair)
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        for host in ("localhost", "127.0.0.1"):
            _, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=trusting, server_hostname=host
            )
            writer.close()


# given


def test_a_given_pair_is_shown_with_the_names_it_is_for(tmp_path):
    shown = load(given_pair(tmp_path))
    assert shown.names == {"mon.example.net"}
    assert shown.certificate == parsed(tmp_path / "chain.pem").public_bytes(
        Encoding.DER
    )


def test_a_bad_pair_is_told_with_its_file(tmp_path):
    chain, key = given_pair(tmp_path)
    other = given_pair(tmp_path / "other")[1]
    junk = tmp_path / "junk"
    junk.write_text("junk")
    cases = [
        ((chain, other), "does not belong"),
        ((chain, tmp_path / "none"), "cannot read .*none: no such file"),
        ((tmp_path, key), "directory"),
        ((junk, key), "junk"),
        ((chain, junk), "junk"),
        ((key, chain), "does not work"),
    ]
    for pair, words in cases:
        with pytest.raises(ConfigError, match=words) as error:
            load(pair)
        assert error.value.hint
        assert error.value.exit_code == 78


def test_an_encrypted_key_asks_nobody(tmp_path):
    need("openssl")
    chain, key = given_pair(tmp_path)
    sealed = tmp_path / "sealed.pem"
    command = ["openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:x"]
    subprocess.run([*command, "-out", sealed], check=True)
    with pytest.raises(ConfigError, match="is encrypted") as error:
        load((chain, sealed))
    assert "openssl pkey" in error.value.hint


def test_a_key_that_others_may_read_is_warned_of(tmp_path, caplog):
    pair = given_pair(tmp_path)
    pair[1].chmod(0o644)
    Certificate(lambda: pair)
    assert f"chmod 600 {pair[1]}" in caplog.text


def test_a_certificate_near_its_end_is_warned_of(tmp_path, caplog):
    pair = own_pair(tmp_path, now=NOW)
    Certificate(lambda: pair, wall=lambda: NOW + 360 * DAY)
    end = datetime.datetime.fromtimestamp(NOW, datetime.UTC) + datetime.timedelta(365)
    assert f"ends {end.date()}" in caplog.text
    Certificate(lambda: pair, wall=lambda: NOW + 370 * DAY)
    assert "has ended" in caplog.text


def test_a_certificate_near_its_end_is_a_trouble_for_a_person(tmp_path):
    pair, days = own_pair(tmp_path, now=NOW), [300.0]
    certificate = Certificate(lambda: pair, wall=lambda: NOW + days[0] * DAY)
    assert certificate.trouble == []
    end = datetime.datetime.fromtimestamp(NOW, datetime.UTC) + datetime.timedelta(365)
    days[0] = 352.0
    assert certificate.trouble == [
        f"the TLS certificate of this server ends {end.date()}"
    ]
    days[0] = 366.0
    assert "has ended" in certificate.trouble[0]


async def test_it_is_said_again_each_day_and_not_more_often(tmp_path, caplog):
    pair, days = own_pair(tmp_path, now=NOW), [355.0]
    certificate = Certificate(lambda: pair, wall=lambda: NOW + days[0] * DAY)
    task = asyncio.create_task(certificate.follow(0.01))
    await until(lambda: len(caplog.records) == 1)
    await asyncio.sleep(0.05)
    assert len(caplog.records) == 1
    days[0] += 1
    await until(lambda: len(caplog.records) == 2)
    await asyncio.sleep(0.05)
    assert len(caplog.records) == 2
    task.cancel()


# when files change


@pytest.fixture
async def followed(tmp_path):
    """A given certificate that is followed, its files, and what was told."""
    pair = given_pair(tmp_path)
    certificate, told = Certificate(lambda: pair), []
    certificate.told.append(lambda: told.append(certificate.shown.fingerprint))
    task = asyncio.create_task(certificate.follow(0.02))
    yield certificate, pair, told
    task.cancel()


def overwrite(pair, new):
    for old, fresh in zip(pair, new, strict=True):
        fresh.rename(old)


async def test_a_new_pair_is_taken_and_told(followed, tmp_path):
    certificate, pair, told = followed
    before = certificate.shown.fingerprint
    overwrite(pair, given_pair(tmp_path / "new"))
    await until(lambda: told)
    assert certificate.shown.fingerprint == told[0] != before


async def test_a_bad_pair_keeps_the_old_one_and_says_why_once(
    followed, tmp_path, caplog
):
    certificate, pair, told = followed
    before = certificate.shown
    new = given_pair(tmp_path / "new")
    new[0].rename(pair[0])  # half of a renewal
    await until(lambda: "stays as it was" in caplog.text)
    await asyncio.sleep(0.1)
    assert "does not belong" in caplog.text
    assert len(caplog.records) == 1
    assert certificate.shown is before
    (trouble,) = certificate.trouble
    assert "is not used" in trouble
    assert "does not belong" in trouble
    new[1].rename(pair[1])  # the other half
    await until(lambda: told)
    assert certificate.shown is not before
    assert certificate.trouble == []


async def test_a_certificate_that_cannot_be_made_is_told_until_it_can(tmp_path):
    pair, full = own_pair(tmp_path), [False]

    def find():
        if full[0]:
            raise OSError(28, "No space left on device")
        return pair

    certificate = Certificate(find)
    full[0] = True
    certificate._look()
    assert "No space left" in certificate.trouble[0]
    full[0] = False
    certificate._look()
    assert certificate.trouble == []


async def test_files_that_vanish_keep_the_old_one(followed, caplog):
    certificate, pair, _ = followed
    pair[1].unlink()
    await until(lambda: "cannot read" in caplog.text)
    assert certificate.shown.names == {"mon.example.net"}


async def test_files_that_are_gone_for_a_day_end_nothing(tmp_path):
    pair, now = given_pair(tmp_path), [NOW]
    certificate = Certificate(lambda: pair, wall=lambda: now[0])
    shown = certificate.shown
    for path in pair:
        path.unlink()
    following = asyncio.create_task(certificate.follow(0.01))
    await asyncio.sleep(0.05)
    now[0] += 86_400
    await asyncio.sleep(0.05)
    assert not following.done()
    assert certificate.shown is shown
    following.cancel()


async def test_a_signal_looks_at_once(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    pair = given_pair(tmp_path)
    certificate = Certificate(lambda: pair)
    task = asyncio.create_task(certificate.follow(3600))
    await asyncio.sleep(0)
    overwrite(pair, given_pair(tmp_path / "new"))
    certificate.wake()
    await until(lambda: "another certificate from now on" in caplog.text)
    task.cancel()
