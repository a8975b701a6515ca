import asyncio
import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import UsageError
from pangea.core.model import Flag, Outcome
from pangea.probes.base import make_probe
from pangea.probes.ntp_packet import (
    BadAnswer,
    Kiss,
    offset_s,
    question,
    read_answer,
)
from pangea.probes.runner import run_once
from pangea.probes.tools import Tools
from pangea.system_clock import SystemClock

#: a moment whose seconds since 1900 do not fit 32 bits any more is an hour later
NOON = 1_700_000_000.0
SINCE_1900 = 2_208_988_800


def stamp(at: float) -> int:
    """Seconds since 1970 as a timestamp of RFC 5905, 6."""
    return (int((at + SINCE_1900) * 2**32)) & (2**64 - 1)


def packet(nonce: int = 0, **fields) -> bytes:
    """An answer as a server of stratum 2 gives it, with *fields* changed."""
    is_ = {
        "leap": 0,
        "version": 4,
        "mode": 4,
        "stratum": 2,
        "precision": -20,
        "root_delay": 0x0000_8000,
        "root_dispersion": 0x0000_4000,
        "reference": bytes([192, 0, 2, 7]),
        "origin": nonce,
        "received": stamp(NOON),
        "sent": stamp(NOON),
    } | fields
    first = is_["leap"] << 6 | is_["version"] << 3 | is_["mode"]
    head = struct.pack("!BBbb", first, is_["stratum"], 6, is_["precision"])
    head += struct.pack("!II", is_["root_delay"], is_["root_dispersion"])
    times = (stamp(NOON - 60), is_["origin"], is_["received"], is_["sent"])
    return head + is_["reference"] + struct.pack("!4Q", *times)


class Server(asyncio.DatagramProtocol):
    """Tells the time *ahead_s* before NOON's, or what *changed* says."""

    def __init__(self, ahead_s=0.0, cut=None, **changed):
        self.ahead_s, self.cut, self.changed = ahead_s, cut, changed
        self.asked = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, where):
        self.asked.append(data)
        (nonce,) = struct.unpack("!Q", data[40:])
        now = stamp(NOON + self.ahead_s)
        answer = packet(nonce, **{"received": now, "sent": now, **self.changed})
        self.transport.sendto(answer[: self.cut], where)


async def asked(server: Server, now=NOON, timeout_s=5, **options):
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: server, local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    probe = make_probe("ntp", f"127.0.0.1:{port}", options)
    tools = Tools(now=lambda: now)
    try:
        clock = SystemClock()
        return await run_once(probe, tools, clock, job=1, timeout_s=timeout_s)
    finally:
        transport.close()


async def test_a_server_in_step_is_ok_with_all_readings():
    server = Server()
    result = await asked(server)
    assert (result.outcome, result.reason) == (Outcome.OK, "")
    readings = result.readings
    # The clocks stand still: what is seen is half of the round trip.
    assert readings["offset_ms"] == pytest.approx(-result.duration_ms / 2, abs=1e-3)
    assert readings["stratum"] == 2
    assert readings["reference_id"] == "192.0.2.7"
    assert readings["root_delay_ms"] == 500
    assert readings["root_dispersion_ms"] == 250
    assert readings["precision_ms"] == pytest.approx(0.00095, rel=0.01)
    assert readings["leap"] == "none"


async def test_the_question_is_that_of_a_client_and_tells_nothing_else():
    server = Server()
    await asked(server)
    await asked(server)
    (first, second) = server.asked
    assert first[0] == 0b00_100_011
    assert first[1:40] == bytes(39)
    assert first[40:] != second[40:]


@pytest.mark.parametrize("ahead_s", [3600.0, 0.5, -0.5, -86400.0])
async def test_the_offset_is_how_far_the_server_is_ahead(ahead_s):
    result = await asked(Server(ahead_s))
    assert result.outcome is Outcome.OK
    slack = result.duration_ms
    assert result.readings["offset_ms"] == pytest.approx(ahead_s * 1000, abs=slack)


async def test_a_clock_too_far_off_fails_and_says_which_way():
    result = await asked(Server(-2.0), fail_offset_ms=1000, warn_offset_ms=10)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "clock_offset")
    assert "s behind this worker's clock, wanted at most 1000 ms" in result.detail
    assert result.readings["stratum"] == 2


async def test_a_clock_somewhat_off_warns():
    result = await asked(Server(2.0), fail_offset_ms=10_000, warn_offset_ms=1000)
    assert (result.outcome, result.reason) == (Outcome.OK, "clock_offset")
    assert result.flags & Flag.WARN
    assert "ahead of" in result.detail


async def test_a_server_far_from_its_reference_fails():
    result = await asked(Server(stratum=4), max_stratum=3)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "stratum")
    assert result.detail == "stratum 4, wanted at most 3"
    assert (await asked(Server(stratum=3), max_stratum=3)).outcome is Outcome.OK


async def test_a_reference_clock_is_named():
    result = await asked(Server(stratum=1, reference=b"GPS\0"))
    assert result.readings["reference_id"] == "GPS"
    hostile = await asked(Server(stratum=1, reference=b"\x1b[2J"))
    assert hostile.readings["reference_id"] == r"\x1b[2J"


async def test_an_announced_leap_second_is_told():
    assert (await asked(Server(leap=1))).readings["leap"] == "insert"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (b"RATE", "kiss-o'-death RATE: we ask too often"),
        (b"DENY", "kiss-o'-death DENY: it denies us access"),
        (b"X\x1b\0\0", r"kiss-o'-death X\x1b: a code of its own"),
        (b"\0\0\0\0", "kiss-o'-death without a code: a code of its own"),
    ],
)
async def test_a_kiss_of_death_is_named(code, words):
    result = await asked(Server(stratum=0, reference=code, leap=3))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "refused")
    assert result.detail == words


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"leap": 3}, "not synchronised"),
        ({"stratum": 16}, "not synchronised"),
        ({"origin": 1}, "the origin timestamp is not that of our question"),
        ({"mode": 3}, "mode 3, wanted 4 (server)"),
        ({"version": 0}, "version 0, wanted 4"),
        ({"sent": 0}, "the server tells no time"),
        ({"sent": stamp(NOON - 1)}, "answered before it was asked"),
        ({"root_dispersion": 17 << 16}, "may be 17.2 s off its reference"),
        ({"cut": 47}, "47 bytes, wanted at least 48"),
        ({"cut": 1}, "1 bytes"),
    ],
)
async def test_a_bogus_answer_breaks_the_protocol(how, words):
    result = await asked(Server(**how))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "protocol")
    assert words in result.detail


async def test_a_slow_answer_warns():
    result = await asked(Server(), warn_latency_ms=0.0001)
    assert (result.outcome, result.reason) == (Outcome.OK, "latency")


class Mute(Server):
    def datagram_received(self, data, where):
        self.asked.append(data)


async def test_silence_is_a_timeout():
    result = await asked(Mute(), timeout_s=0.1)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "timeout")


MOMENTS = st.floats(0, 4e9, allow_nan=False)
OFFSETS = st.floats(-1e9, 1e9, allow_nan=False)


@given(MOMENTS, OFFSETS, st.floats(0, 10))
def test_the_offset_is_right_in_every_era(at, ahead, rtt):
    told = stamp(at + ahead + rtt / 2)
    answer = read_answer(packet(9, received=told or 1, sent=told or 1), 9)
    assert offset_s(answer, at, at + rtt) == pytest.approx(ahead, abs=1e-5)


@given(st.binary(max_size=80), st.integers(0, 2**64 - 1))
def test_no_bytes_break_the_reader(data, nonce):
    try:
        answer = read_answer(data, nonce)
    except (BadAnswer, Kiss):
        return
    assert 1 <= answer.stratum <= 15


@given(st.integers(0, 47), st.binary(min_size=1, max_size=4))
def test_no_damage_breaks_the_reader(at, garbage):
    whole = packet(7)
    damaged = whole[:at] + garbage + whole[at + len(garbage) :]
    with contextlib.suppress(BadAnswer, Kiss):
        answer = read_answer(damaged, 7)
        assert abs(offset_s(answer, NOON, NOON)) < 2**32


@given(st.integers(0, 2**64 - 1))
def test_the_question_holds_the_nonce_where_our_time_would_be(nonce):
    asked = question(nonce)
    assert len(asked) == 48
    assert int.from_bytes(asked[40:], "big") == nonce


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("ntp://127.0.0.1", {}),
        ("127.0.0.1", {"max_stratum": 16}),
        ("127.0.0.1", {"fail_offset_ms": -1}),
        ("127.0.0.1", {"warn_offset": 1}),
    ],
)
def test_what_is_malformed_is_refused(target, options):
    with pytest.raises(UsageError):
        make_probe("ntp", target, options)


def test_without_a_port_it_is_123():
    assert make_probe("ntp", "192.0.2.1", {}).port == 123
