"""SRV records, of name servers that tell the truth, or lie, or say nothing."""

import asyncio

import dns.asyncresolver
import dns.message
import dns.name
import dns.rrset
import pytest

from pangea.core.errors import Unreachable
from pangea.mesh import service_records
from pangea.mesh.service_records import ServiceRecords, service_names
from tests.mesh.fakes import Stillness

NAME = "_pangea._tcp.corp.test."


class Server(asyncio.DatagramProtocol):
    """Answers from a table on loopback, and counts what it was asked."""

    def __init__(self, table):
        self.table = table
        self.asked = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        query = dns.message.from_wire(data)
        question = query.question[0]
        self.asked.append(question.name.to_text())
        answer = dns.message.make_response(query)
        kind = dns.rdatatype.to_text(question.rdtype)
        found = self.table.get((question.name.to_text(), kind))
        if found:
            rrset = dns.rrset.from_text(question.name, 60, "IN", kind, *found)
            answer.answer.append(rrset)
        self.transport.sendto(answer.to_wire(), address)


@pytest.fixture
async def served():
    """Return how to look something up in a table."""
    transports = []

    async def start(table, clock=None, domain="corp.test"):
        transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Server(table), ("127.0.0.1", 0)
        )
        transports.append(transport)
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = transport.get_extra_info("sockname")[1]
        clock = clock or Stillness()
        return ServiceRecords(domain, clock.monotonic, resolver), server

    yield start
    for transport in transports:
        transport.close()


async def test_priorities_come_in_order_with_all_addresses(served):
    records, _ = await served({
        (NAME, "SRV"): ["20 0 7464 b.corp.test.", "10 0 7465 a.corp.test."],
        ("a.corp.test.", "A"): ["10.1.0.1"],
        ("a.corp.test.", "AAAA"): ["2001:db8::1"],
        ("b.corp.test.", "A"): ["10.1.0.2"],
    })  # fmt: skip
    assert await records.look_up() == [
        ("10.1.0.1", 7465), ("2001:db8::1", 7465), ("10.1.0.2", 7464),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("record", "address"),
    [
        pytest.param("1 0 80 h.corp.test.", "10.1.0.1", id="somebody's service"),
        pytest.param("1 0 0 h.corp.test.", "10.1.0.1", id="no port"),
        pytest.param("0 0 7464 .", "10.1.0.1", id="no such service"),
        pytest.param("1 0 7464 h.corp.test.", "127.0.0.1", id="loopback"),
        pytest.param("1 0 7464 h.corp.test.", "224.0.0.251", id="multicast"),
        pytest.param("1 0 7464 h.corp.test.", "169.254.1.1", id="link-local"),
        pytest.param("1 0 7464 h.corp.test.", "0.0.0.0", id="nowhere"),
        pytest.param("1 0 7464 h.corp.test.", "255.255.255.255", id="everybody"),
    ],
)
async def test_what_a_liar_could_aim_at_a_victim_is_left_out(served, record, address):
    records, _ = await served(
        {(NAME, "SRV"): [record], ("h.corp.test.", "A"): [address]}
    )
    assert await records.look_up() == []


async def test_a_flood_of_records_is_bounded(served):
    table = {(NAME, "SRV"): [f"1 0 {7000 + n} h{n}.corp.test." for n in range(14)]}
    for number in range(14):
        table[f"h{number}.corp.test.", "A"] = [f"10.1.{number}.{n}" for n in range(9)]
    records, server = await served(table)
    assert len(await records.look_up()) == service_records.MAX_CANDIDATES
    assert len(server.asked) <= 1 + 2 * service_records.MAX_TARGETS


async def test_the_name_server_is_not_asked_at_every_look(served):
    clock = Stillness()
    records, server = await served({}, clock)
    await records.look_up()
    await records.look_up()
    assert len(server.asked) == 1
    clock.now += service_records.AGAIN_S
    await records.look_up()
    assert len(server.asked) == 2


@pytest.mark.slow
async def test_a_name_server_that_is_silent_costs_a_bounded_time(served):
    records, server = await served({})
    server.datagram_received = lambda data, address: None
    async with asyncio.timeout(service_records.ALL_S + 2):
        assert await records.look_up() == []


def test_the_search_domains_are_asked_three_at_most():
    search = [dns.name.from_text(f"d{n}.test") for n in range(6)]
    names = service_names("", search, search[0])
    assert [n.to_text() for n in names] == [
        f"_pangea._tcp.d{n}.test." for n in range(3)
    ]
    assert service_names("corp.test", search, None)[0].to_text() == NAME


@pytest.mark.parametrize("domain", ["", "a..b", "x" * 64 + ".test", "."])
def test_without_a_domain_the_error_says_what_to_do(domain):
    with pytest.raises(Unreachable):
        service_names(domain, [dns.name.root], None)
