import asyncio
import socket

import dns.message
import dns.name
import dns.rdatatype
import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.failure import ProbeError, ProbeFailed
from pangea.core.model import Outcome
from pangea.probes.base import Trace
from pangea.probes.dns_answer import Answer
from pangea.probes.dns_engine import DnsEngine, first_nameserver
from pangea.probes.dns_rdata import Decoder, shown
from pangea.probes.dns_socket import DnsSocket
from pangea.probes.dns_wire import Query
from tests.needs import need
from tests.probes.name_server import (
    both_servers,
    respond,
    tcp_server,
    truncated,
    udp_server,
)

EXAMPLE = Query(dns.name.from_text("host.example"), dns.rdatatype.A, True)


@pytest.fixture
async def engine():
    engine = DnsEngine()
    yield engine
    await engine.close()


async def ask(engine, port, transport="udp", query=EXAMPLE, trace=None) -> Answer:
    async with asyncio.timeout(20):
        server = ("127.0.0.1", port)
        return await engine.ask(query, server, transport, trace or Trace())


def good(question):
    return respond(question, "192.0.2.7").to_wire()


async def is_silent(engine, port) -> bool:
    try:
        async with asyncio.timeout(0.1):
            await engine.ask(EXAMPLE, ("127.0.0.1", port), "udp", Trace())
    except TimeoutError:
        return True
    return False


async def test_an_answer_comes_with_its_duration(engine):
    async with udp_server(good) as port:
        trace = Trace()
        answer = await ask(engine, port, trace=trace)
    (record,) = answer.reply.records()
    assert shown(Decoder(answer.reply.data).rdata(record)) == "192.0.2.7"
    assert 0 < answer.duration_ms < 1000
    assert trace.phases == {"query": answer.duration_ms}


async def test_the_same_answer_over_ipv6(engine):
    need("ipv6")
    async with udp_server(good, host="::1") as port, asyncio.timeout(20):
        answer = await engine.ask(EXAMPLE, ("::1", port), "udp", Trace())
    assert answer.reply.count == 1


async def test_two_hundred_questions_at_once_get_their_own_answers(engine):
    queries = [
        Query(dns.name.from_text(f"h{n}.example"), dns.rdatatype.A, True)
        for n in range(200)
    ]

    def number(question):
        n = int(question.question[0].name.labels[0][1:])
        return respond(question, f"10.0.{n >> 8}.{n & 255}").to_wire()

    async with udp_server(number) as port:
        answers = await asyncio.gather(*(ask(engine, port, query=q) for q in queries))
    got = [answer.reply.data[-4:] for answer in answers]
    assert got == [bytes([10, 0, n >> 8, n & 255]) for n in range(200)]


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(
            lambda q: bytes([good(q)[0] ^ 1]) + good(q)[1:], id="a wrong identifier"
        ),
        pytest.param(
            lambda q: good(q).replace(b"\x04host", b"\x04ghst"), id="another name"
        ),
        pytest.param(
            lambda q: good(q).replace(b"example\0\0\x01", b"example\0\0\x1c", 1),
            id="another type",
        ),
        pytest.param(lambda q: [], id="nothing"),
    ],
)
async def test_what_answers_another_question_is_ignored(engine, lie):
    async with udp_server(lie) as port:
        assert await is_silent(engine, port)


async def test_an_answer_from_elsewhere_is_ignored(engine):
    async with udp_server(good, from_elsewhere=True) as port:
        assert await is_silent(engine, port)


async def test_a_true_answer_after_false_ones_counts(engine):
    def first_lies(question):
        wire = good(question)
        return [bytes([wire[0] ^ 255]) + wire[1:], wire.replace(b"host", b"evil"), wire]

    async with udp_server(first_lies) as port:
        answer = await ask(engine, port)
    assert answer.reply.count == 1


async def test_a_server_may_change_the_case_of_the_name(engine):
    async with udp_server(lambda q: good(q).replace(b"host", b"HoSt")) as port:
        answer = await ask(engine, port)
    assert answer.reply.count == 1


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(lambda q: good(q)[:7], id="shorter than a header"),
        pytest.param(lambda q: q.to_wire(), id="the question echoed"),
        pytest.param(lambda q: good(q)[:14], id="cut in the question"),
        pytest.param(
            lambda q: good(q)[:4] + b"\0\0" + good(q)[6:], id="no question at all"
        ),
    ],
)
async def test_garbage_with_the_right_identifier_breaks_the_protocol(engine, garbage):
    async with udp_server(garbage) as port:
        with pytest.raises(ProbeFailed) as caught:
            await ask(engine, port)
    assert caught.value.reason == "protocol"


async def test_a_packet_longer_than_anybody_asked_for_is_named(engine):
    def long(question):
        texts = [f"10.0.{n >> 8}.{n & 255}" for n in range(600)]
        return respond(question, *texts).to_wire(max_size=65_535)

    async with udp_server(long) as port:
        with pytest.raises(ProbeFailed) as caught:
            await ask(engine, port)
    assert caught.value.reason == "protocol"
    assert "longer than 4096 bytes" in caught.value.detail


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (lambda q: good(q).replace(b"host", b"evil"), "an answer to another question"),
        (None, "an answer from 127.0.0.1:"),
    ],
)
async def test_on_a_timeout_what_was_ignored_is_told(engine, lie, said):
    trace = Trace()
    async with udp_server(lie or good, from_elsewhere=lie is None) as port:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await engine.ask(EXAMPLE, ("127.0.0.1", port), "udp", trace)
    assert trace.readings["ignored"].startswith(said)
    assert trace.phases["query"] > 50
    assert trace.last == "query"


async def test_an_identifier_is_never_used_twice_at_once():
    class Same(list):
        def pop(self):
            return 7

    one = DnsSocket(socket.AF_INET)
    one._identifiers = Same([7])
    async with udp_server(good) as port, asyncio.timeout(20):
        where = ("127.0.0.1", port)
        first = asyncio.create_task(one.ask(EXAMPLE, where, Trace()))
        await asyncio.sleep(0)
        with pytest.raises(ProbeError) as caught:
            await one.ask(EXAMPLE, where, Trace())
        assert (await first).reply.count == 1
        assert (await one.ask(EXAMPLE, where, Trace())).reply.count == 1
    one.close()
    assert caught.value.reason == "no_resources"


async def test_a_refusal_may_leave_the_question_out(engine):
    def bare(question):
        return question.id.to_bytes(2, "big") + bytes.fromhex("81850000000000000000")

    async with udp_server(bare) as port:
        answer = await ask(engine, port)
    assert answer.reply.rcode == 5


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_closed_port_is_refused_at_once_time_and_again(run):
    async def scene():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reserved:
            reserved.bind(("127.0.0.1", 0))
            port = reserved.getsockname()[1]
        engine = DnsEngine()
        try:
            for _ in range(20):
                with pytest.raises(ProbeFailed) as caught:
                    await ask(engine, port)
                assert caught.value.reason == "refused"
                assert caught.value.outcome is Outcome.FAILED
            async with udp_server(good) as alive:
                assert (await ask(engine, alive)).reply.count == 1
        finally:
            await engine.close()

    run(scene())


async def test_a_refused_server_does_not_disturb_another(engine):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reserved:
        reserved.bind(("127.0.0.1", 0))
        closed = reserved.getsockname()[1]
    async with udp_server(good) as alive:
        mixed = [ask(engine, alive if n % 2 else closed) for n in range(100)]
        answers = await asyncio.gather(*mixed, return_exceptions=True)
    assert all(isinstance(answer, Answer) for answer in answers[1::2])
    assert {answer.reason for answer in answers[::2]} == {"refused"}


async def test_a_cut_answer_is_asked_for_again_over_tcp(engine):
    async with both_servers(truncated, good) as port:
        trace = Trace()
        answer = await ask(engine, port, trace=trace)
    assert answer.transport == "tcp"
    assert answer.reply.count == 1
    assert set(trace.phases) == {"query", "connect"}


async def test_a_cut_answer_without_tcp_is_truncated(engine):
    async with udp_server(truncated) as port:
        with pytest.raises(ProbeFailed) as caught:
            await ask(engine, port)
    assert caught.value.reason == "truncated"
    assert "refused" in caught.value.detail


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        pytest.param(lambda q: b"", "closed", id="hangs up"),
        pytest.param(lambda q: b"\0\0" + good(q)[2:], "protocol", id="identifier"),
        pytest.param(
            lambda q: good(q).replace(b"host", b"ghst"), "protocol", id="question"
        ),
        pytest.param(lambda q: good(q)[:5], "protocol", id="shorter than a header"),
    ],
)
async def test_bad_answers_over_tcp_are_named(engine, wire, reason):
    async with tcp_server(wire) as port:
        with pytest.raises(ProbeFailed) as caught:
            await ask(engine, port, "tcp")
    assert caught.value.reason == reason


async def test_a_long_answer_over_tcp_is_read_whole(engine):
    def long(question):
        texts = [f"10.{n >> 8}.{n & 255}.1" for n in range(3000)]
        return respond(question, *texts).to_wire()

    async with tcp_server(long) as port:
        answer = await ask(engine, port, "tcp")
    assert answer.reply.count == 3000
    assert len(answer.reply.records()) == 256


async def test_closing_ends_questions_under_way():
    engine = DnsEngine()
    async with udp_server(lambda q: []) as port:
        waiting = asyncio.create_task(ask(engine, port))
        await asyncio.sleep(0.02)
        await engine.close()
        with pytest.raises(ProbeError) as caught:
            await waiting
    assert caught.value.reason == "cancelled"


async def test_a_cancelled_question_leaves_nothing_behind(engine):
    async with udp_server(lambda q: []) as port:
        assert await is_silent(engine, port)
    pools = [asker for pool in engine._pools.values() for asker in pool]
    assert [asker._waiting for asker in pools] == [{}] * len(pools)


def test_the_first_name_server_of_resolv_conf(tmp_path):
    path = tmp_path / "resolv.conf"
    path.write_text(
        "# nameserver 192.0.2.1\nsearch example\nnameserver not-an-address\n"
        "nameserver fe80::1%eth0\nnameserver 192.0.2.3\n"
    )
    assert DnsEngine(path).system_resolver() == ("fe80::1%eth0", 53)


@pytest.mark.parametrize("text", [None, "", "search example\n", "nameserver\n"])
def test_no_name_server_is_our_error(tmp_path, text):
    path = tmp_path / "resolv.conf"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ProbeError) as caught:
        DnsEngine(path).system_resolver()
    assert caught.value.reason == "no_resolver"
    assert str(path) in caught.value.detail


@given(st.text())
def test_no_resolv_conf_breaks_its_reader(text):
    found = first_nameserver(text)
    assert found is None or found in text
