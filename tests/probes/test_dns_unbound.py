import pytest

from pangea.core.model import Outcome
from tests.needs import need
from tests.probes.unbound_server import unbound_server


@pytest.fixture(scope="module")
def unbound(tmp_path_factory, authority):
    need("unbound")
    with unbound_server(tmp_path_factory.mktemp("unbound"), authority) as where:
        yield where


@pytest.fixture
def asked(ask, unbound, ca_file):
    async def once(target, transport="udp", **options):
        port = unbound.tls_port if transport == "tls" else unbound.port
        resolver = f"127.0.0.1:{port}"
        given = {"transport": transport, "ca_file": ca_file} | options
        return await ask("dns", target, resolver=resolver, **given)

    return once


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
@pytest.mark.parametrize(
    ("target", "kind", "expected"),
    [
        ("host.example", "A", ["192.0.2.7", "192.0.2.8"]),
        ("host.example", "AAAA", ["2001:db8::7"]),
        ("example", "MX", ["10 mail.example"]),
        ("example", "NS", ["ns.example"]),
        ("example", "TXT", ["v=spf1 -all"]),
        ("example", "CAA", ["0 issue ca.example"]),
        ("example", "DS", ["1 8 2 " + "AB" * 32]),
        ("_sip._udp.example", "SRV", ["1 2 5060 sip.example"]),
        ("_443._tcp.host.example", "TLSA", ["3 1 1 " + "ab" * 32]),
        ("host.example", "SSHFP", ["1 1 " + "ab" * 20]),
        ("naptr.example", "NAPTR", ['100 10 "S" "SIP+D2U" "" _sip._udp.example']),
        ("svc.example", "HTTPS", ["1 . port=443 alpn=h2"]),
        ("192.0.2.7", "PTR", ["host.example"]),
    ],
)
async def test_every_type_over_every_transport(
    asked, target, kind, expected, transport
):
    result = await asked(target, transport, type=kind, expect_all=expected)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert result.readings["transport"] == transport


async def test_a_zone_says_its_serial(asked):
    result = await asked("example", type="SOA", min_serial=2026112201, require_aa=True)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert result.readings["serial"] == 2026112201
    newer = await asked("example", type="SOA", min_serial=2026112202)
    assert newer.reason == "zone_serial"


async def test_a_long_answer_is_read_whole_over_tcp(asked):
    result = await asked("long.example", type="TXT", min_answers=100)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert result.readings["transport"] == "tcp"
    assert result.readings["answers_count"] == 100


async def test_a_longer_packet_is_allowed_by_edns(asked):
    plain = await asked("example", type="TXT")
    assert "edns_size" not in plain.readings
    result = await asked("example", type="TXT", edns_size=4096)
    assert result.outcome is Outcome.OK
    assert result.readings["edns_size"] >= 1232


async def test_the_server_names_itself(asked):
    result = await asked("host.example", nsid=True)
    assert result.readings["nsid"] == "ns1"
    options = {"class": "CH", "type": "TXT", "expect_all": "unbound of the tests"}
    assert (await asked("version.bind", **options)).detail == ""


async def test_a_name_that_is_not_there_is_told(asked):
    result = await asked("missing.example")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "rcode")
    assert (await asked("missing.example", expect_rcode="NXDOMAIN")).detail == ""


async def test_over_tls_an_unknown_authority_is_not_trusted(asked):
    result = await asked("host.example", "tls", ca_file="")
    assert (result.outcome, result.reason[:5]) == (Outcome.FAILED, "cert_")
