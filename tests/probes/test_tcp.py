import asyncio
import contextlib
import re
import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import UsageError
from pangea.core.failure import ProbeError, ProbeFailed
from pangea.core.model import Outcome
from pangea.probes import connect
from pangea.probes.banner import Pattern, unescape
from pangea.probes.base import Trace, make_probe
from pangea.probes.dialogue import Dialogue
from pangea.probes.wire import CHUNK
from tests.probes.conftest import open_sockets


async def hang(reader, writer):
    while await reader.read(100):
        pass


async def echo(reader, writer):
    writer.write(b"220 ready\r\n" + await reader.readline())
    await reader.read()


async def test_a_port_that_accepts_is_up(serve, ask):
    result = await ask("tcp", f"127.0.0.1:{await serve(hang)}")
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert list(result.phases) == ["connect"]
    assert result.readings == {"address": "127.0.0.1"}


async def test_nobody_listening_is_refused(ask):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        result = await ask("tcp", f"127.0.0.1:{taken.getsockname()[1]}")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "refused")


async def test_what_is_sent_and_heard_is_what_was_wanted(serve, ask):
    target = f"127.0.0.1:{await serve(echo)}"
    result = await ask("tcp", target, send=r"EHLO \x41\r\n", expect="EHLO A\r\n$")
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert result.readings["banner"] == r"220 ready\x0d\x0aEHLO A\x0d\x0a"
    assert list(result.phases) == ["connect", "banner"]


async def test_another_banner_is_a_failure_with_got_and_wanted(serve, ask):
    target = f"127.0.0.1:{await serve(b'')}"

    async def ssh(reader, writer):
        writer.write(b"SSH-2.0-\x1b[31mEvil\r\n")

    target = f"127.0.0.1:{await serve(ssh)}"
    result = await ask("tcp", target, expect="^220 ")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "banner")
    assert result.detail.startswith("got 'SSH-2.0-")
    assert result.detail.endswith("then the end, wanted '^220 '")
    assert "\x1b" not in result.detail


async def test_a_server_that_talks_without_end_is_cut_off(serve, ask):
    async def flood(reader, writer):
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    target = f"127.0.0.1:{await serve(flood)}"
    result = await ask("tcp", target, expect="y")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "banner")
    assert len(result.detail) < 250


async def test_a_silent_server_is_a_timeout_that_names_the_phase(serve, ask):
    target = f"127.0.0.1:{await serve(hang)}"
    before = open_sockets()
    result = await ask("tcp", target, timeout_s=0.2, expect="x")
    assert result.detail == "no answer within 0.2 s (while: banner)"
    for _ in range(40):
        if open_sockets() == before:
            break
        await asyncio.sleep(0.005)
    assert open_sockets() == before


async def test_a_connection_that_is_never_made_is_given_up(ask):
    with contextlib.ExitStack() as held:
        full = held.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        before = open_sockets()
        port = full.getsockname()[1]
        result = await ask("tcp", f"127.0.0.1:{port}", timeout_s=0.2)
        assert result.detail == "no answer within 0.2 s (while: connect)"
        for _ in range(40):
            if open_sockets() == before:
                break
            await asyncio.sleep(0.005)
        assert open_sockets() == before


async def test_a_banner_is_heard_through_tls(serve, ask, server_tls, ca_file):
    target = f"127.0.0.1:{await serve(echo, server_tls)}"
    how = {"tls": True, "send": r"hi\n", "expect": "^220 ready\r\nhi"}
    result = await ask("tcp", target, ca_file=ca_file, **how)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    phases = [name for name in result.phases if name != "wait"]
    assert phases == ["connect", "tls", "banner"]
    assert (await ask("tcp", target, **how)).reason == "cert_untrusted"
    assert (await ask("tcp", target, verify=False, **how)).outcome is Outcome.OK


async def test_a_server_that_says_the_wrong_thing_and_stays_is_no_timeout(serve, ask):
    async def wrong(reader, writer):
        writer.write(b"SSH-2.0-\x1b]0;evil\x07\r\n")
        await hang(reader, writer)

    target = f"127.0.0.1:{await serve(wrong)}"
    result = await ask("tcp", target, expect="^220 ", quiet_ms=60)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "banner")
    assert result.detail.endswith("then nothing for 0.06 s, wanted '^220 '")
    assert "\x1b" not in result.detail + result.readings["banner"]


def script(*turns):
    """A server that says each of *turns* after the line before it was heard."""

    async def handler(reader, writer):
        for wanted, said in turns:
            if wanted:
                assert await reader.readline() == wanted
            for piece in said:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.005)
        await hang(reader, writer)

    return handler


SMTP = (
    (b"", [b"220-wait", b" for it\r\n220 ma", b"il ESMTP\r\n"]),
    (b"EHLO me\r\n", [b"250-mail\r\n250-", b"STARTTLS\r\n250 HELP\r\n"]),
)
STEPS = ["expect ^220 ", r"send EHLO me\r\n", "expect ^250-STARTTLS", "expect ^250 "]


async def test_a_dialogue_goes_step_by_step(serve, ask):
    target = f"127.0.0.1:{await serve(script(*SMTP))}"
    result = await ask("tcp", target, dialogue=STEPS)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert list(result.phases) == ["connect", "banner"]
    assert result.readings["banner"].startswith("220-wait")
    assert "250 HELP" in result.readings["answer"]


async def test_a_step_that_is_answered_otherwise_fails_with_what_was_heard(serve, ask):
    turns = (SMTP[0], (b"EHLO me\r\n", [b"502 what?\r\n"]))
    target = f"127.0.0.1:{await serve(script(*turns))}"
    result = await ask("tcp", target, dialogue=STEPS, quiet_ms=60)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "banner")
    assert "502 what?" in result.detail
    assert "wanted '^250-STARTTLS'" in result.detail


async def test_a_slow_answer_is_waited_for(serve, ask):
    async def slow(reader, writer):
        writer.write(b"220 mail ESMTP\r\n")
        await reader.readline()
        await asyncio.sleep(0.15)
        writer.write(b"250 ok\r\n")
        await hang(reader, writer)

    target = f"127.0.0.1:{await serve(slow)}"
    steps = ["expect ^220 ", r"send EHLO me\r\n", "expect ^250 "]
    result = await ask("tcp", target, dialogue=steps, quiet_ms=50)
    assert (result.outcome, result.detail) == (Outcome.OK, "")


def changing(context, said=b"220 go\r\n", after=b"220 inside\r\n"):
    async def handler(reader, writer):
        writer.write(b"220 mail\r\n")
        await reader.readline()
        for at in range(len(said)):
            await asyncio.sleep(0.001)
            writer.write(said[at : at + 1])
        await writer.start_tls(context)
        writer.write(after)
        await hang(reader, writer)

    return handler


CHANGE = ["expect ^220 ", r"send STARTTLS\r\n", "expect ^220", "starttls"]


async def test_a_dialogue_goes_on_in_tls(serve, ask, server_tls, ca_file):
    target = f"127.0.0.1:{await serve(changing(server_tls))}"
    steps = [*CHANGE, "expect ^220 inside"]
    result = await ask("tcp", target, dialogue=steps, ca_file=ca_file)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert result.readings["tls_version"] == "TLSv1.3"
    refused = await ask("tcp", target, dialogue=steps)
    assert refused.reason == "cert_untrusted"


async def test_words_before_tls_are_an_attack(serve, ask, server_tls):
    said = b"220 go\r\n250 injected\r\n"

    async def inject(reader, writer):
        writer.write(b"220 mail\r\n")
        await reader.readline()
        writer.write(said)
        await hang(reader, writer)

    target = f"127.0.0.1:{await serve(inject)}"
    result = await ask("tcp", target, dialogue=CHANGE, verify=False)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "protocol")
    assert "before TLS: '250 injected" in result.detail


async def test_many_small_pieces_are_one_banner(serve, ask):
    async def dribble(reader, writer):
        for _ in range(100):
            writer.write(b".")
            await asyncio.sleep(0)
        writer.write(b"done\r\n")
        await hang(reader, writer)

    target = f"127.0.0.1:{await serve(dribble)}"
    result = await ask("tcp", target, expect="done", quiet_ms=100)
    assert (result.outcome, result.detail) == (Outcome.OK, "")


async def test_a_server_that_dribbles_for_ever_is_cut_off(serve, ask):
    async def dribble(reader, writer):
        while not writer.is_closing():
            writer.write(b"." * 100)
            await asyncio.sleep(0)

    target = f"127.0.0.1:{await serve(dribble)}"
    result = await ask("tcp", target, expect="done")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "banner")


@pytest.mark.parametrize(
    ("dialogue", "says"),
    [
        (["expekt x"], "is no step"),
        (["expect"], "is no step"),
        (["starttls smtp"], "is no step"),
        (["expect ("], "is not a regular expression"),
        ([r"send \q"], "unknown escape"),
        (["starttls", "starttls"], "once only"),
        (["send x"] * 21, "dialogue"),
    ],
)
def test_a_dialogue_that_cannot_be_held_is_refused(dialogue, says):
    with pytest.raises(UsageError, match=re.escape(says)):
        make_probe("tcp", "host:1", {"dialogue": dialogue})


def test_a_dialogue_stands_alone():
    for options in ({"expect": "x"}, {"send": "x"}):
        with pytest.raises(UsageError, match="in the place of"):
            make_probe("tcp", "host:1", {"dialogue": ["send x"], **options})
    with pytest.raises(UsageError, match="TLS already"):
        make_probe("tcp", "host:1", {"dialogue": ["starttls"], "tls": True})


class Said:
    """A connection on which the server says *pieces*."""

    def __init__(self, pieces):
        self.pieces = pieces

    async def read(self):
        return self.pieces.pop(0) if self.pieces else b""

    def write(self, data):
        pass

    def close(self):
        pass


@given(st.lists(st.binary(min_size=1, max_size=9), max_size=9), st.binary(max_size=3))
async def test_any_pieces_are_heard_as_one(pieces, wanted):
    whole, text = b"".join(pieces), "".join(f"\\x{byte:02x}" for byte in wanted)
    if not text:
        return
    dialogue = Dialogue(Said([*pieces]), 1)
    if wanted in whole:
        await dialogue.expect(Pattern(text))
    else:
        with pytest.raises(ProbeFailed) as failure:
            await dialogue.expect(Pattern(text))
        assert failure.value.detail.isprintable()


async def test_a_reader_slower_than_the_peer_keeps_little(serve):
    async def flood(reader, writer):
        writer.write(b"x" * 8_000_000)
        await writer.drain()

    port = await serve(flood)
    wire = await connect.connect("127.0.0.1", port, Trace())
    await asyncio.sleep(0.1)
    kept = len(await wire.read())
    assert 0 < kept <= CHUNK
    total = kept
    while data := await wire.read():
        total += len(data)
    wire.close()
    assert total == 8_000_000


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (socket.EAI_NONAME, "name_not_found"),
        (socket.EAI_NODATA, "no_address"),
        (socket.EAI_AGAIN, "resolver_failed"),
        (socket.EAI_FAIL, "resolver_failed"),
    ],
)
async def test_what_the_resolver_says_is_told_apart(monkeypatch, code, reason):
    def getaddrinfo(*args):
        raise socket.gaierror(code, "said so")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    trace = Trace()
    with pytest.raises(ProbeFailed) as failure:
        await connect.resolve("host.example", "any", trace)
    assert failure.value.reason == reason
    assert list(trace.phases) == ["resolve"]


@pytest.mark.parametrize(
    ("others", "reason"), [(True, "no_address"), (False, "name_not_found")]
)
async def test_a_name_of_the_other_family_alone_is_there(monkeypatch, others, reason):
    def getaddrinfo(host, port, family, kind):
        if family == socket.AF_UNSPEC and others:
            return [(socket.AF_INET, kind, 0, "", ("192.0.2.1", 0))]
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(ProbeFailed) as failure:
        await connect.resolve("host.example", "ipv6", Trace())
    assert failure.value.reason == reason
    assert ("no ipv6 address" in failure.value.detail) == others


async def test_an_address_of_the_other_family_is_said_so():
    with pytest.raises(ProbeFailed, match="not an ipv6 address"):
        await connect.resolve("127.0.0.1", "ipv6", Trace())


@pytest.mark.parametrize(
    ("address", "says"),
    [("fe80::1", "needs its zone"), ("fe80::1%nothere0", "no interface 'nothere0'")],
)
async def test_a_link_local_address_goes_by_its_interface(address, says):
    with pytest.raises(ProbeError, match=says) as failure:
        await connect.connect(address, 9, Trace())
    assert failure.value.reason == "no_route"


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^SSH-2", "SSH-2.0", True),
        (r"(\d{1,3}\.){3}\d+", "at 10.0.0.1", True),
        ("(?:ab)+c", "ababc", True),
        ("größe", "größe", True),
        ("x", "y", False),
        (r"[*+(]\*", "+*", True),
    ],
)
def test_a_pattern_is_a_regular_expression(pattern, text, found):
    assert Pattern(pattern).found_in(text.encode()) is found


@pytest.mark.parametrize(
    "pattern",
    ["(", "(a+)+$", "(a|a)*b", "(?:a?){30}b", "a?" * 30 + "a" * 30, "a*a*a*a*a*b"],
)
def test_a_pattern_that_could_take_for_ever_is_refused(pattern):
    with pytest.raises(UsageError):
        Pattern(pattern)


@pytest.mark.slow
@given(st.text(alphabet="a(|)*+?{}2,5", max_size=14))
def test_no_pattern_that_is_taken_runs_away(text):
    try:
        pattern = Pattern(text)
    except UsageError:
        return
    begun = time.process_time()
    pattern.found_in(b"a" * 4096)
    assert time.process_time() - begun < 2


def test_escapes_are_read_and_unknown_ones_refused():
    assert unescape(r"a\r\n\t\0\xff\\n") == b"a\r\n\t\0\xff\\n"
    with pytest.raises(UsageError, match=r"\\q"):
        unescape(r"\q")


@pytest.mark.parametrize(
    ("target", "options"),
    [("host", {}), ("host:0", {}), ("host:22", {"expect": "("}), (":22", {})],
)
def test_a_wrong_target_or_option_is_refused(target, options):
    with pytest.raises(UsageError):
        make_probe("tcp", target, options)
