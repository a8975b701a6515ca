import random

import dns.flags
import dns.message
import dns.name
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.model import Flag
from pangea.probes.base import make_probe
from pangea.probes.dns_content import KEPT, LARGEST, Memory, read
from pangea.probes.dns_wire import ANSWER, Query, Reply, Wish
from pangea.probes.runner import run_once
from pangea.system_clock import SystemClock
from tests.probes.name_server import respond, udp_server

NAME = dns.name.from_text("host.example")


def wire(*texts, kind="A", ttl=60, wish=None, **how):
    query = Query(NAME, dns.rdatatype.from_text(kind), wish=wish)
    question = dns.message.from_wire(query.wire(7))
    return query, respond(question, *texts, ttl=ttl, **how).to_wire()


def content_of(*texts, **how):
    query, data = wire(*texts, **how)
    return read(Reply(data), query, ANSWER)[0]


def test_what_differs_in_identifier_and_ttl_only_is_known():
    query, data = wire("192.0.2.7", ttl=60)
    memory = Memory()
    content, _ = read(Reply(data), query, ANSWER)
    memory.keep(content)
    _, later = wire("192.0.2.7", ttl=7)
    assert memory.find(b"\xff\xff" + later[2:]) is content
    assert (content.ttl_min, content.ttl_max) == (7, 7)
    assert memory.find(data) is content
    assert content.ttl_min == 60


@pytest.mark.parametrize(
    "other",
    [
        wire("192.0.2.8")[1],
        wire("192.0.2.7", "192.0.2.8")[1],
        wire("192.0.2.7", flags=dns.flags.AA)[1],
        wire("192.0.2.7", rcode="SERVFAIL")[1],
        wire()[1],
        b"",
        b"\0\0",
    ],
    ids=["another", "one more", "flags", "rcode", "none", "nothing", "too short"],
)
def test_anything_else_is_not_known(other):
    memory = Memory()
    memory.keep(content_of("192.0.2.7"))
    assert memory.find(other) is None


@given(st.binary(min_size=1, max_size=4), st.integers(2, 60))
def test_no_byte_but_those_of_a_ttl_can_change_unseen(change, at):
    query, data = wire("192.0.2.7")
    content, _ = read(Reply(data), query, ANSWER)
    memory = Memory()
    memory.keep(content)
    changed = data[:at] + change + data[at + len(change) :]
    ttl = range(content.fields[0], content.fields[0] + 4)
    elsewhere = len(changed) != len(data) or any(
        changed[n] != data[n] for n in range(2, len(data)) if n not in ttl
    )
    assert (memory.find(changed) is None) == elsewhere


def test_only_the_last_few_answers_are_remembered():
    memory = Memory()
    for n in range(KEPT + 5):
        memory.keep(content_of(f"192.0.2.{n}"))
    assert len(memory) == KEPT
    assert memory.find(wire("192.0.2.12")[1])
    assert memory.find(wire("192.0.2.1")[1]) is None


def test_an_answer_that_comes_often_is_not_forgotten_for_others():
    memory = Memory()
    usual = wire("192.0.2.100")[1]
    memory.keep(content_of("192.0.2.100"))
    for n in range(3 * KEPT):
        memory.keep(content_of(f"192.0.2.{n}"))
        assert memory.find(usual)


def test_a_huge_answer_is_not_remembered():
    memory = Memory()
    memory.keep(content_of(*[f'"{n:03}{"x" * 200}"' for n in range(20)], kind="TXT"))
    assert len(memory) == 0
    assert LARGEST < 20 * 200


def test_a_ttl_with_the_highest_bit_counts_as_zero():
    query, data = wire("192.0.2.7", ttl=60)
    at = data.index(b"\0\0\0\x3c")
    content, _ = read(Reply(data[:at] + b"\xff" + data[at + 1 :]), query, ANSWER)
    assert content.ttl_min == 0


@given(st.permutations([f"192.0.2.{n}" for n in range(5)]))
def test_the_order_of_the_records_is_no_change(texts):
    query, data = wire()
    response = dns.message.from_wire(data)
    for text in texts:
        response.answer.append(dns.rrset.from_text(NAME, 60, "IN", "A", text))
    data = response.to_wire()
    observed = read(Reply(data), query, ANSWER)[0].observed
    assert observed == ", ".join(f"192.0.2.{n}" for n in range(5))


@pytest.mark.parametrize(
    ("content", "observed"),
    [
        (content_of(), "no records"),
        (content_of(rcode="NXDOMAIN"), "NXDOMAIN"),
        (content_of(rcode="SERVFAIL"), None),
        (content_of(rcode="REFUSED"), None),
        (content_of("10 MAIL.example.", kind="MX"), "10 mail.example."),
        (content_of('"Aa"', kind="TXT"), '"Aa"'),
    ],
)
def test_what_is_observed_is_the_answer_and_not_its_spelling(content, observed):
    assert content.observed == observed


def test_a_change_at_the_end_of_a_long_answer_is_seen():
    texts = [f'"{n:03}{"x" * 30}"' for n in range(200)]
    before = content_of(*texts, kind="TXT").observed
    after = content_of(*texts[:-1], '"y"', kind="TXT").observed
    assert before != after
    assert max(len(before), len(after)) < 2000


async def test_an_answer_that_changes_is_flagged_once(tools):
    current, seen = ["192.0.2.1"], {}

    def rotating(question):
        texts = random.sample(current, len(current))
        return respond(question, *texts, ttl=random.randrange(1000)).to_wire()

    async with udp_server(rotating) as port:
        probe = make_probe("dns", "host.example", {"resolver": f"127.0.0.1:{port}"})

        async def once():
            return await run_once(
                probe, tools, SystemClock(), job=1, timeout_s=5, seen=seen
            )

        for _ in range(5):
            assert not (await once()).flags & Flag.CHANGED
        current[:] = ["192.0.2.2", "192.0.2.1"]
        changed = await once()
        later = [(await once()).flags & Flag.CHANGED for _ in range(5)]
    assert changed.flags & Flag.CHANGED
    assert changed.readings["changed"] == {
        "answer": {"before": "192.0.2.1", "after": "192.0.2.1, 192.0.2.2"}
    }
    assert not any(later)


async def test_a_fault_between_two_equal_answers_is_no_change(tools):
    codes, seen = iter(["NOERROR", "SERVFAIL", "NOERROR", "NXDOMAIN"]), {}

    def failing(question):
        code = next(codes)
        texts = ["192.0.2.1"] if code == "NOERROR" else []
        return respond(question, *texts, rcode=code).to_wire()

    flags = []
    async with udp_server(failing) as port:
        probe = make_probe("dns", "host.example", {"resolver": f"127.0.0.1:{port}"})
        for _ in range(4):
            result = await run_once(
                probe, tools, SystemClock(), job=1, timeout_s=5, seen=seen
            )
            flags.append(bool(result.flags & Flag.CHANGED))
    assert flags == [False, False, False, True]


def test_edns_is_read_only_if_it_was_sent():
    wish = Wish(edns_size=1232)
    query, _ = wire("192.0.2.7")
    _, data = wire("192.0.2.7", wish=wish)
    assert read(Reply(data), query, ANSWER)[0].more == {}
    told = Query(NAME, dns.rdatatype.A, wish=wish)
    assert "edns_size" in read(Reply(data), told, ANSWER)[0].more
