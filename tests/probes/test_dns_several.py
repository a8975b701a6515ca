import time

from pangea.core.model import Flag, Outcome
from pangea.probes.base import make_probe
from pangea.probes.runner import run_once
from pangea.system_clock import SystemClock
from tests.probes.name_server import respond, tcp_server, udp_server


def says(*texts, **how):
    return lambda question: respond(question, *texts, **how).to_wire()


def mute(question):
    return []


async def test_all_must_pass_and_each_is_told(ask):
    async with (
        udp_server(says("192.0.2.1")) as one,
        tcp_server(says("192.0.2.2")) as two,
    ):
        names = [f"127.0.0.1:{one}", f"tcp://127.0.0.1:{two}"]
        result = await ask("dns", "host.example", resolver=names)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    told = result.readings["resolvers"]
    assert list(told) == names
    assert [told[name]["answers"] for name in names] == [["192.0.2.1"], ["192.0.2.2"]]
    assert [told[name]["transport"] for name in names] == ["udp", "tcp"]
    durations = [told[name]["duration_ms"] for name in names]
    assert result.duration_ms == max(durations)
    assert set(result.phases) == {"query", "connect"}


async def test_one_that_fails_fails_them_all_by_name(ask):
    good, bad = says("192.0.2.1"), says(rcode="SERVFAIL")
    async with udp_server(good) as one, udp_server(bad) as two:
        names = f"127.0.0.1:{one},127.0.0.1:{two}"
        result = await ask("dns", "host.example", resolver=names)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "rcode")
    assert result.detail == f"127.0.0.1:{two}: got SERVFAIL, wanted NOERROR"
    assert result.readings["resolvers"][f"127.0.0.1:{one}"]["rcode"] == "NOERROR"


async def test_every_failure_is_told_and_that_of_a_target_counts(
    ask, serve, server_tls
):
    port_with_tls = await serve(b"", tls=server_tls)
    async with udp_server(says(rcode="REFUSED")) as port:
        names = [f"tls://127.0.0.1:{port_with_tls}", f"127.0.0.1:{port}"]
        options = {"resolver": names, "ca_file": "/nowhere/ca.pem"}
        result = await ask("dns", "host.example", **options)
        ours = await ask("dns", "host.example", expect_rcode="REFUSED", **options)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "rcode")
    first, _, second = result.detail.partition("; ")
    assert first == f"127.0.0.1:{port}: got REFUSED, wanted NOERROR"
    assert second.startswith(names[0])
    assert (ours.outcome, ours.reason) == (Outcome.ERROR, "no_trust_store")


async def test_a_silent_one_is_named_and_the_others_are_told(ask):
    async with udp_server(says("192.0.2.1")) as one, udp_server(mute) as two:
        names = f"127.0.0.1:{one},127.0.0.1:{two}"
        result = await ask("dns", "host.example", resolver=names, timeout_s=0.15)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "timeout")
    assert f"waiting for 127.0.0.1:{two}" in result.detail
    told = result.readings["resolvers"]
    assert told[f"127.0.0.1:{one}"]["answers"] == ["192.0.2.1"]
    assert "rcode" not in told[f"127.0.0.1:{two}"]


async def test_they_are_asked_at_the_same_time(ask):
    begun = time.monotonic()
    async with udp_server(mute) as one, udp_server(mute) as two:
        names = f"127.0.0.1:{one},127.0.0.1:{two}"
        await ask("dns", "host.example", resolver=names, timeout_s=0.1)
    assert time.monotonic() - begun < 10


async def test_the_change_of_one_is_told_under_its_name(tools):
    current, seen = ["192.0.2.1"], {}

    def changing(question):
        return respond(question, *current).to_wire()

    async with udp_server(changing) as one, udp_server(says("192.0.2.1")) as two:
        names = [f"127.0.0.1:{one}", f"127.0.0.1:{two}"]
        probe = make_probe("dns", "host.example", {"resolver": names})
        for current[0] in ("192.0.2.1", "192.0.2.9"):
            result = await run_once(
                probe, tools, SystemClock(), job=1, timeout_s=5, seen=seen
            )
    assert result.flags & Flag.CHANGED
    name = f"answer of 127.0.0.1:{one}"
    expected = {"before": "192.0.2.1", "after": "192.0.2.9"}
    assert result.readings["changed"] == {name: expected}


async def test_one_named_twice_is_asked_once(ask):
    asked = []

    def note(question):
        asked.append(question.id)
        return respond(question, "192.0.2.1").to_wire()

    async with udp_server(note) as port:
        names = f"127.0.0.1:{port},127.0.0.1:{port}"
        result = await ask("dns", "host.example", resolver=names)
    assert result.readings["answers"] == ["192.0.2.1"]
    assert len(asked) == 1


async def test_the_slowest_is_held_to_the_threshold(ask):
    async with (
        udp_server(says("192.0.2.1")) as one,
        udp_server(says("192.0.2.1")) as two,
    ):
        names = f"127.0.0.1:{one},127.0.0.1:{two}"
        result = await ask(
            "dns", "host.example", resolver=names, warn_latency_ms=0.0001
        )
    assert result.flags & Flag.WARN
    assert result.reason == "latency"
