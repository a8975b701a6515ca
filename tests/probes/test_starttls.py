import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.failure import ProbeFailed
from pangea.core.model import Outcome
from pangea.probes.starttls import MAX_SAID, PORTS, start_tls
from pangea.probes.starttls_ldap import read_answer
from tests.probes.certificate_maker import make, server_context, write_pem
from tests.probes.s_server import servers

ROOT = make("Root", authority=True, begins=0, ends=4e9)
LEAF = make("leaf", ROOT, san=("127.0.0.1",), begins=0, ends=4e9)

XMPP = (
    b"<?xml version='1.0'?><stream:stream from='a' version='1.0'><stream:features>"
    b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
    b"</stream:features>"
)
LDAP_OK = bytes.fromhex("300c02010178070a010004000400")
LDAP_NO = bytes.fromhex("300f020101780a0a013404000403") + b"no!"

#: what a good server says, and after which of our words
GOOD = {
    "smtp": [
        (b"", b"220-mail.example\r\n220 ESMTP\r\n"),
        (b"EHLO pangea.invalid\r\n", b"250-mail\r\n250-SIZE 9\r\n250 StartTLS\r\n"),
        (b"STARTTLS\r\n", b"220 2.0.0 go\r\n"),
    ],
    "imap": [
        (b"", b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"),
        (b"a STARTTLS\r\n", b"* CAPABILITY IMAP4rev1\r\na OK begin\r\n"),
    ],
    "pop3": [(b"", b"+OK ready\r\n"), (b"STLS\r\n", b"+OK begin\r\n")],
    "ftp": [
        (b"", b"220-Welcome\r\n to all\r\n220 ready\r\n"),
        (b"AUTH TLS\r\n", b"234 go\r\n"),
    ],
    "xmpp": [
        (b"", b""),
        (b"<stream:stream to='127.0.0.1'", XMPP),
        (b"<starttls", b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
    ],
    "postgres": [(b"\0\0\0\x08\x04\xd2\x16\x2f", b"S")],
    "ldap": [(b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037", LDAP_OK)],
}


def speak(script, after=None):
    """Return a server that follows *script*; *after* it does something else."""

    async def handler(reader, writer):
        for heard, said in script:
            got = b""
            while heard not in got:
                got += await reader.readexactly(1)
            writer.write(said)
            await writer.drain()
        await (after or drain)(reader, writer)

    return handler


async def drain(reader, writer):
    while await reader.read(1000):
        pass


@pytest.fixture
def root_file(tmp_path):
    path = tmp_path / "root.pem"
    path.write_bytes(ROOT.pem)
    return str(path)


@pytest.mark.parametrize("protocol", GOOD)
async def test_a_server_changes_to_tls(serve, ask, tmp_path, root_file, protocol):
    context = server_context(tmp_path, LEAF)

    async def secure(reader, writer):
        await writer.start_tls(context)
        await drain(reader, writer)

    port = await serve(speak(GOOD[protocol], secure))
    how = {"starttls": protocol, "ca_file": root_file}
    result = await ask("tls", f"127.0.0.1:{port}", **how)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    phases = [name for name in result.phases if name != "wait"]
    assert phases == ["connect", "starttls", "tls"]
    assert result.readings["subject"] == "leaf"


@pytest.mark.parametrize("protocol", GOOD)
async def test_words_between_consent_and_tls_are_an_attack(serve, ask, protocol):
    *first, (heard, said) = GOOD[protocol]
    port = await serve(speak([*first, (heard, said + b"250 injected\x1b\r\n")]))
    result = await ask("tls", f"127.0.0.1:{port}", starttls=protocol, verify=False)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "protocol")
    assert "after its consent and before TLS: '250 injected" in result.detail
    assert "\x1b" not in result.detail


@pytest.mark.parametrize(
    ("protocol", "script", "says"),
    [
        ("smtp", [(b"", b"554 go away\x1b[31m\r\n")], "'554 go away\\\\x1b[31m', wan"),
        ("smtp", [GOOD["smtp"][0], (b"EHLO", b"250-mail\r\n250 SIZE\r\n")],
         "got 'SIZE', wanted STARTTLS to be offered"),
        ("smtp", [*GOOD["smtp"][:2], (b"STARTTLS", b"454 not now\r\n")],
         "STARTTLS: got '454 not now', wanted 220"),
        ("imap", [(b"", b"* BYE busy\r\n")], "got '* BYE busy', wanted * OK"),
        ("imap", [GOOD["imap"][0], (b"STARTTLS", b"a BAD what?\r\n")], "'a BAD what?'"),
        ("pop3", [GOOD["pop3"][0], (b"STLS", b"-ERR no\r\n")], "got '-ERR no'"),
        ("ftp", [GOOD["ftp"][0], (b"AUTH", b"500 AUTH?\r\n")], "got '500 AUTH?'"),
        ("xmpp", [(b"stream", b"<stream:features></stream:features>")],
         "wanted starttls to be offered"),
        ("xmpp", [(b"stream", b"<stream:error><host-unknown/>")], "host-unknown"),
        ("xmpp", [(b"stream", XMPP), (b"<starttls", b"<failure/></stream:stream>")],
         "got '<failure/></stream:stream>', wanted <proceed/>"),
        ("postgres", [(b"\x2f", b"N")], "got 'N', wanted S"),
        ("postgres", [(b"\x2f", b"EFATAL\0too many\0")], "EFATAL"),
        ("ldap", [(b"20037", LDAP_NO)], "got '52 no!', wanted the result code 0"),
    ],
)  # fmt: skip
async def test_a_refusal_says_what_the_server_said(serve, ask, protocol, script, says):
    port = await serve(speak(script))
    result = await ask("tls", f"127.0.0.1:{port}", starttls=protocol, verify=False)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "starttls")
    assert says in result.detail
    assert list(result.phases) == ["connect", "starttls"]


@pytest.mark.parametrize("protocol", GOOD)
@pytest.mark.parametrize(
    "noise", [b"x" * 70000, b"220-x\r\n" * 9000, b"* x\r\n" * 9000]
)
async def test_endless_talk_is_cut_off(serve, ask, protocol, noise):
    async def flood(reader, writer):
        for _ in range(50):
            writer.write(noise)
            await writer.drain()

    result = await ask("tls", f"127.0.0.1:{await serve(flood)}", starttls=protocol)
    assert result.outcome is Outcome.FAILED
    assert result.reason in ("protocol", "starttls")
    assert len(result.detail) < 500


@pytest.mark.parametrize("protocol", GOOD)
async def test_who_hangs_up_before_tls_is_told(serve, ask, protocol):
    async def hang_up(reader, writer):
        writer.write(b"2")

    result = await ask("tls", f"127.0.0.1:{await serve(hang_up)}", starttls=protocol)
    assert result.outcome is Outcome.FAILED
    assert result.reason in ("closed", "reset", "starttls", "protocol")


async def test_a_silent_server_is_named_by_the_phase(serve, ask):
    target = f"127.0.0.1:{await serve(drain)}"
    result = await ask("tls", target, timeout_s=0.1, starttls="smtp")
    assert result.detail == "no answer within 0.1 s (while: starttls)"


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("protocol", ["smtp", "imap", "pop3", "ftp", "ldap"])
async def test_openssls_own_client_agrees_with_ours(serve, tmp_path, protocol):
    """The scripts above are what another client of these protocols accepts."""
    context = server_context(tmp_path, LEAF)
    done = asyncio.Event()

    async def secure(reader, writer):
        await writer.start_tls(context)
        done.set()
        await drain(reader, writer)

    script = [(_first_word(heard), said) for heard, said in GOOD[protocol]]
    if protocol == "imap":
        offer = (b". CAPABILITY\r\n", b"* CAPABILITY STARTTLS\r\n. OK\r\n")
        script = [script[0], offer, (b". STARTTLS\r\n", b". OK go\r\n")]
    port = await serve(speak(script, secure))
    # fmt: off
    client = await asyncio.create_subprocess_exec(
        "openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-starttls", protocol,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    # fmt: on
    await asyncio.wait_for(client.wait(), 10)
    assert done.is_set()


def _first_word(heard):
    return heard.split(b" ")[0] if heard[:1].isalpha() else heard[:2]


@pytest.mark.needs("openssl")
async def test_openssls_server_after_our_own_words(ask, tmp_path, root_file):
    chain, key = write_pem(tmp_path, LEAF)
    async with servers() as start:
        port = await start("-cert", chain, "-key", key)
        result = await ask("tls", f"127.0.0.1:{port}", ca_file=root_file)
    assert (result.outcome, result.detail) == (Outcome.OK, "")


def test_every_protocol_has_its_port():
    assert set(PORTS) == {*GOOD, "none"}


class Script:
    """A connection on which the server says *pieces*, whatever we say."""

    def __init__(self, pieces):
        self.pieces = [piece for piece in pieces if piece]

    async def read(self):
        return self.pieces.pop(0) if self.pieces else b""

    def write(self, data):
        pass

    def close(self):
        pass


def pieces_of(protocol):
    return [said for _, said in GOOD[protocol]]


@given(
    st.sampled_from(sorted(GOOD)),
    st.lists(st.binary(max_size=40), max_size=6),
    st.integers(0, 200),
    st.binary(max_size=9),
)
async def test_no_talk_of_a_server_breaks_the_reader(protocol, pieces, at, noise):
    damaged = b"".join(pieces_of(protocol))
    damaged = damaged[:at] + noise + damaged[at + len(noise) :]
    for said in (pieces, [damaged], [*pieces_of(protocol)[:1], *pieces]):
        with contextlib.suppress(ProbeFailed):
            await start_tls(Script(said), protocol, "host")


@given(st.sampled_from(sorted(GOOD)), st.integers(1, 9))
async def test_it_does_not_matter_how_the_words_are_cut(protocol, size):
    said = b"".join(pieces_of(protocol))
    pieces = [said[at : at + size] for at in range(0, len(said), size)]
    await start_tls(Script(pieces), protocol, "host")


@given(st.sampled_from(sorted(GOOD)), st.binary(min_size=1, max_size=3))
async def test_memory_is_bounded_whatever_is_said(protocol, noise):
    script = Script([])
    script.heard = 0

    async def read():
        script.heard += 1000
        return (noise * 1000)[:1000]

    script.read = read
    with contextlib.suppress(ProbeFailed):
        await start_tls(script, protocol, "host")
    assert script.heard <= MAX_SAID + 1000


@given(st.binary(max_size=60))
def test_any_bytes_are_an_ldap_answer_or_not(data):
    for given_data in (data, b"\x30" + data, LDAP_OK[:7] + data):
        with contextlib.suppress(ValueError):
            answer = read_answer(given_data)
            assert answer is None or 0 < answer.size <= len(given_data)


@pytest.mark.parametrize("size", range(len(LDAP_NO)))
def test_half_an_ldap_answer_is_waited_for(size):
    assert read_answer(LDAP_NO[:size]) is None
    assert read_answer(LDAP_NO) == (52, b"no!", len(LDAP_NO))
