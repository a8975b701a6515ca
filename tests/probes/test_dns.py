import contextlib
import socket

import dns.flags
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import UsageError
from pangea.core.model import Flag, Outcome
from pangea.core.options import build
from pangea.probes.dns import DnsOptions, DnsProbe
from pangea.probes.dns_engine import DnsEngine
from pangea.probes.runner import run_once
from pangea.probes.tools import Tools
from tests.probes.name_server import (
    both_servers,
    respond,
    tcp_server,
    truncated,
    udp_server,
)
from tests.probes.test_icmp import Noon


def probe(target="host.example", **options):
    return DnsProbe.parse(target, build(DnsOptions, options, "dns option"))


async def once(question, tools=None, timeout_s=3):
    mine = tools or Tools()
    try:
        return await run_once(question, mine, Noon(), job=1, timeout_s=timeout_s)
    finally:
        if not tools:
            await mine.close()


async def ask(answer, target="host.example", timeout_s=3, **options):
    async with udp_server(answer) as port:
        question = probe(target, resolver=f"127.0.0.1:{port}", **options)
        return await once(question, timeout_s=timeout_s)


def says(*texts, **how):
    return lambda question: respond(question, *texts, **how).to_wire()


async def test_a_right_answer_is_ok_with_all_readings():
    result = await ask(says("192.0.2.7", "192.0.2.8", ttl=77, flags=dns.flags.AA))
    assert result.outcome is Outcome.OK
    readings = result.readings
    assert readings["question"] == "host.example. IN A"
    assert readings["rcode"] == "NOERROR"
    assert sorted(readings["answers"]) == ["192.0.2.7", "192.0.2.8"]
    assert readings["ttl_min"] == 77
    assert readings["transport"] == "udp"
    assert readings["authoritative"] is True
    assert readings["size"] > 40
    assert readings["resolver"].startswith("127.0.0.1 port ")
    assert result.phases == {"query": result.duration_ms}


@pytest.mark.parametrize("rcode", ["NXDOMAIN", "SERVFAIL", "REFUSED"])
async def test_another_code_than_wanted_fails(rcode):
    result = await ask(says(rcode=rcode))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "rcode")
    assert result.detail == f"got {rcode}, wanted NOERROR"
    assert result.readings["rcode"] == rcode


async def test_a_name_that_must_not_exist_is_ok_when_it_does_not():
    assert (await ask(says(rcode="NXDOMAIN"), expect_rcode="nxdomain")).reason == ""
    found = await ask(says("192.0.2.7"), expect_rcode="NXDOMAIN,REFUSED")
    assert found.detail == "got NOERROR, wanted NXDOMAIN or REFUSED"


async def test_an_empty_answer_fails_unless_allowed():
    result = await ask(says())
    assert (result.outcome, result.reason) == (Outcome.FAILED, "answer")
    assert result.detail == "got 0 A records, wanted at least 1"
    assert (await ask(says(), min_answers=0)).outcome is Outcome.OK


async def test_an_alias_alone_is_no_address():
    result = await ask(says("other.example.", kind="CNAME"))
    assert result.detail == "got 0 A records, wanted at least 1"


@pytest.mark.parametrize(
    ("kind", "answers", "expected"),
    [
        ("A", ["192.0.2.7", "192.0.2.8"], "192.0.2.8"),
        ("AAAA", ["2001:db8::7"], "2001:DB8::7"),
        ("MX", ["10 Mail.Example."], "10 mail.example"),
        ("CNAME", ["other.example."], "OTHER.example"),
        ("TXT", ['"v=spf1 " "-all"'], "v=spf1 -all"),
        ("TXT", ['"two" "parts"'], '"two" "parts"'),
        ("NS", ["a.example.", "b.example."], "b.example,a.example"),
    ],
)
async def test_an_expected_answer_is_found_however_it_is_written(
    kind, answers, expected
):
    result = await ask(says(*answers), type=kind, expect_answer=expected)
    assert (result.outcome, result.detail) == (Outcome.OK, "")


async def test_a_missing_answer_fails_with_got_and_wanted():
    result = await ask(says("192.0.2.7"), expect_answer="192.0.2.7,192.0.2.9")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "answer")
    assert result.detail == "got 192.0.2.7, wanted also 192.0.2.9"


async def test_the_answer_can_be_matched_by_a_pattern():
    assert (await ask(says("192.0.2.7"), answer_regex=r"2\.\d$")).reason == ""
    result = await ask(says("192.0.2.7"), answer_regex=r"^10\.")
    assert result.detail == "got 192.0.2.7, wanted a match of ^10\\."


async def test_an_answer_that_changes_is_read_anew_each_time():
    current = ["192.0.2.1"]
    async with udp_server(lambda q: respond(q, *current).to_wire()) as port:
        tools = Tools()
        question = probe(resolver=f"127.0.0.1:{port}", expect_answer="192.0.2.1")
        assert (await once(question, tools)).outcome is Outcome.OK
        assert (await once(question, tools)).outcome is Outcome.OK
        current[0] = "192.0.2.2"
        changed = await once(question, tools)
        for n in range(20):
            current[0] = f"192.0.2.{n}"
            seen = (await once(question, tools)).readings["answers"]
            assert seen == [f"192.0.2.{n}"]
        await tools.close()
    assert changed.detail == "got 192.0.2.2, wanted 192.0.2.1"
    assert len(question._memories[0]) <= 8


async def test_a_cached_ttl_that_runs_down_is_seen():
    ttl = [300]
    async with udp_server(lambda q: respond(q, "192.0.2.1", ttl=ttl[0]).to_wire()) as p:
        tools = Tools()
        question = probe(resolver=f"127.0.0.1:{p}")
        seen = []
        for ttl[0] in (300, 299, 7):
            seen.append((await once(question, tools)).readings["ttl_min"])
        await tools.close()
    assert seen == [300, 299, 7]
    assert len(question._memories[0]) == 1


async def test_the_recursion_flag_is_as_asked():
    asked = []

    def note(question):
        asked.append(bool(question.flags & dns.flags.RD))
        return respond(question, "192.0.2.7").to_wire()

    await ask(note)
    await ask(note, recursion=False)
    assert asked == [True, False]


async def test_an_address_is_asked_by_its_reverse_name():
    asked = []

    def note(question):
        asked.append(question.question[0].name.to_text())
        return respond(question, "host.example.").to_wire()

    result = await ask(note, target="192.0.2.7", type="ptr")
    assert asked == ["7.2.0.192.in-addr.arpa."]
    assert result.readings["answers"] == ["host.example."]


async def test_tcp_is_asked_when_wanted():
    async with tcp_server(says("192.0.2.7")) as port:
        result = await once(probe(resolver=f"127.0.0.1:{port}", transport="tcp"))
    assert result.outcome is Outcome.OK
    assert list(result.phases) == ["connect", "query"]
    assert result.readings["transport"] == "tcp"


async def test_a_cut_answer_is_read_whole_over_tcp():
    texts = [f"10.0.0.{n}" for n in range(100)]
    async with both_servers(truncated, says(*texts)) as port:
        question = probe(resolver=f"127.0.0.1:{port}", min_answers=100)
        result = await once(question)
    assert result.outcome is Outcome.OK
    assert len(result.readings["answers"]) == 20
    assert result.readings["transport"] == "tcp"


async def test_a_silent_server_is_a_timeout():
    result = await ask(lambda q: [], timeout_s=0.1)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "timeout")
    assert "query" in result.detail


async def test_garbage_breaks_the_protocol():
    result = await ask(lambda q: respond(q, "192.0.2.7").to_wire()[:-3])
    assert (result.outcome, result.reason) == (Outcome.FAILED, "protocol")


async def test_a_closed_port_is_refused():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    result = await once(probe(resolver=f"127.0.0.1:{port}"))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "refused")


async def test_hostile_text_is_made_safe():
    result = await ask(says('"\\027[2J\\226\\128\\174x"'), type="TXT")
    assert all(answer.isprintable() for answer in result.readings["answers"])


async def test_a_slow_answer_warns():
    result = await ask(says("192.0.2.7"), warn_latency_ms=0.0001)
    assert result.flags & Flag.WARN
    assert result.reason == "latency"


async def test_without_a_system_resolver_we_cannot_tell(tmp_path):
    tools = Tools()
    tools.__dict__["dns"] = DnsEngine(tmp_path / "resolv.conf")
    result = await once(probe(), tools)
    await tools.close()
    assert (result.outcome, result.reason) == (Outcome.ERROR, "no_resolver")


@pytest.mark.parametrize(
    "options",
    [
        {"type": "AX"},
        {"type": "AXFR"},
        {"type": "OPT"},
        {"transport": "dot"},
        {"resolver": "127.0.0.1:0"},
        {"resolver": "http://127.0.0.1"},
        {"expect_rcode": "NOPE"},
        {"answer_regex": "("},
        {"min_answers": -1},
        {"rcode": "NOERROR"},
    ],
)
def test_a_bad_option_is_refused(options):
    with pytest.raises(UsageError):
        probe(**options)


def test_a_mistyped_type_gets_a_hint():
    with pytest.raises(UsageError) as caught:
        probe(type="CNAM")
    assert caught.value.hint == "did you mean 'CNAME'?"


@pytest.mark.parametrize("target", ["", "a..b", "x" * 64 + ".example", "a" * 300])
def test_a_malformed_name_is_refused(target):
    with pytest.raises(UsageError):
        probe(target)


@pytest.mark.parametrize(
    "target", [".", "_sip._tcp.example", "*.example", "bücher.example", "host.example."]
)
def test_every_name_that_dns_allows_can_be_asked(target):
    assert probe(target).query.question


@given(st.text(max_size=80))
def test_no_target_does_more_than_be_refused(target):
    with contextlib.suppress(UsageError):
        probe(target)
