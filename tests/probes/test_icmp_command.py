import asyncio
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.failure import ProbeError, ProbeFailed
from pangea.probes.icmp_burst import Burst, Request
from pangea.probes.icmp_command import arguments, read_line, run_ping


def burst_of(count=3, **how) -> Burst:
    loop = asyncio.new_event_loop()
    burst = Burst(Request("192.0.2.1", count, **how), "192.0.2.1", loop.create_future())
    burst.rtts_ms = [None] * count
    loop.close()
    return burst


def test_every_wish_becomes_an_argument():
    request = Request(
        "192.0.2.1", 4, 0.05, 1.5, 100, 9, 8, dont_fragment=True, source="192.0.2.9"
    )
    assert " ".join(arguments(request)) == (
        "-n -c 4 -i 0.2 -W 1.5 -s 100 -t 9 -Q 8 -M do -I 192.0.2.9 -- 192.0.2.1"
    )


def test_a_short_payload_is_made_long_enough_for_a_clock():
    words = arguments(Request("192.0.2.1", size=0))
    assert words[words.index("-s") + 1] == "16"


# As iputils 20221126 says it.
REPLY = b"64 bytes from 192.0.2.1: icmp_seq=%d ttl=57 time=%s ms"


def test_replies_are_read():
    burst = burst_of()
    read_line(burst, b"PING 192.0.2.1 (192.0.2.1) 56(84) bytes of data.")
    read_line(burst, REPLY % (1, b"0.046"))
    read_line(burst, REPLY % (1, b"0.090") + b" (DUP!)")
    read_line(burst, REPLY % (3, b"123"))
    assert burst.rtts_ms == [0.046, None, 123]
    assert burst.duplicates == 1
    assert burst.reply_ttl == 57


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("From 10.0.0.1 icmp_seq=1 Destination Host Unreachable", "unreachable"),
        ("From 10.0.0.1 icmp_seq=1 Time to live exceeded", "ttl_exceeded"),
        ("From 10.0.0.1 icmp_seq=1 Frag needed and DF set (mtu = 1280)", "mtu"),
        ("From fd00::2 icmp_seq=1 Destination unreachable: No route", "unreachable"),
        ("From fe80::1%va icmp_seq=1 Time exceeded: Hop limit", "ttl_exceeded"),
        ("From fd00::2 icmp_seq=1 Packet too big: mtu=1280", "mtu"),
    ],
)
def test_errors_are_read(said, reason):
    burst = burst_of()
    read_line(burst, said.encode())
    assert burst.refusal[0] == reason
    assert said.split()[1] in burst.refusal[1]
    assert burst.done.done()


@given(st.binary(max_size=200))
def test_no_line_breaks_the_reader(line):
    read_line(burst_of(), line)


@given(st.integers(-9, 10**12), st.text("0123456789.", max_size=20))
def test_no_number_breaks_the_reader(seq, rtt):
    read_line(burst_of(), REPLY % (seq, rtt.encode()))


async def run(tmp_path, script, **how) -> Burst:
    command = tmp_path / "ping"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    done = asyncio.get_running_loop().create_future()
    burst = Burst(Request("192.0.2.1", **how), "192.0.2.1", done)
    await run_ping(burst, str(command))
    await done
    return burst


async def test_a_silent_host_is_a_burst_without_replies(tmp_path):
    burst = await run(tmp_path, "echo PING; exit 1", count=2)
    assert burst.rtts_ms == [None, None]


@pytest.mark.parametrize(
    ("said", "code", "reason"),
    [
        ("connect: Network is unreachable", 2, "no_route"),
        ("connect: Invalid argument", 2, "no_route"),
        ("socktype: SOCK_RAW: Operation not permitted", 2, "no_right"),
        ("local error: message too long, mtu=1500", 1, "mtu"),
        ("segmentation fault", 139, "bug"),
    ],
)
async def test_what_stops_ping_itself_is_named(tmp_path, said, code, reason):
    with pytest.raises(ProbeFailed) as caught:
        await run(tmp_path, f"echo 'ping: {said}' >&2; exit {code}")
    assert caught.value.reason == reason
    assert isinstance(caught.value, ProbeError) == (reason != "mtu")


async def test_cancelling_ends_the_process(tmp_path):
    mark = tmp_path / "pid"
    script = f"echo $$ > {mark}; exec sleep 60"
    task = asyncio.create_task(run(tmp_path, script))
    async with asyncio.timeout(20):
        while not (mark.exists() and mark.read_text()):
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    pid = int(mark.read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
