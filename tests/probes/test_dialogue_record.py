"""What is told of a dialogue: both sides, bounded, and no secret."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import UsageError
from pangea.core.model import Outcome
from pangea.core.options import MASK, secret_names
from pangea.core.sheet import sheet
from pangea.probes.base import make_probe
from pangea.probes.dialogue_record import LONGEST, MOST, Record
from pangea.probes.tcp import TcpOptions


def said(*texts: str) -> list[str]:
    record = Record()
    for text in texts:
        record.said(text.encode())
    return [turn["said"] for turn in record.turns]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("EHLO me\r\n", "EHLO me\\x0d\\x0a"),
        ("USER joe\n", "USER joe\\x0a"),
        ("PASS hunter2\r\n", f"PASS {MASK}\\x0d\\x0a"),
        ("a1 LOGIN joe hunter2\r\n", f"a1 LOGIN {MASK}\\x0d\\x0a"),
        ("AUTH PLAIN AGpvZQBodW50ZXIy\n", f"AUTH PLAIN {MASK}\\x0a"),
        ("AUTH hunter2", f"AUTH {MASK}"),
        ("AUTH LOGIN\n", "AUTH LOGIN\\x0a"),
        ("a AUTHENTICATE SCRAM-SHA-1 n,,n=u", f"a AUTHENTICATE SCRAM-SHA-1 {MASK}"),
        ("Authorization: Bearer abc.def\r\n", f"Authorization: {MASK}\\x0d\\x0a"),
        ("GET /?token=abcdef&b=2 HTTP/1.1", f"GET /?token={MASK}&b=2 HTTP/1.1"),
        ('{"password": "hunter2"}', f'{{"password": {MASK}'),
        ("PASSIVE mode\n", "PASSIVE mode\\x0a"),
        ("the author: me", "the author: " + MASK),
    ],
)  # fmt: skip
def test_what_logs_in_is_masked_and_the_rest_is_not(text, shown):
    assert said(text) == [shown]


def test_what_follows_a_login_is_masked_while_the_server_asks_for_more():
    record = Record()
    password = base64.b64encode(b"hunter2")
    record.said(b"AUTH LOGIN\r\n")
    record.heard(b"334 VXNlcm5hbWU6\r\n")
    record.said(b"am9l\r\n")
    record.heard(b"334 UGFzc3dvcmQ6\r\n")
    record.said(password + b"\r\n")
    record.heard(b"535 no: " + password + b"\r\n")
    record.said(b"QUIT\r\n")
    turns = [text for turn in record.turns for text in turn.values()]
    assert turns[2] == turns[4] == MASK
    assert turns[5] == f"535 no: {MASK}\\x0d\\x0a"
    assert turns[6] == "QUIT\\x0d\\x0a"


@given(st.lists(st.binary(max_size=900), max_size=60))
def test_a_dialogue_of_any_bytes_is_bounded_and_safe(pieces):
    record = Record(["secret"])
    for number, piece in enumerate(pieces):
        (record.heard if number % 2 else record.said)(piece)
    texts = [text for turn in record.turns for text in turn.values()]
    assert sum(map(len, texts)) <= MOST + 2
    assert all(len(text) <= LONGEST and text.isprintable() for text in texts)
    assert not any("secret" in text for text in texts)


async def echo(reader, writer):
    writer.write(b"220 \x1b[31mready\r\n")
    while line := await reader.readline():
        writer.write(b"250 you said " + line)


def told_of(result):
    parts = sheet("tcp", result.readings)
    return {fact.name: fact.lines for part in parts for fact in part}


async def test_the_dialogue_is_told_without_the_secret(serve, ask):
    result = await ask(
        "tcp",
        f"127.0.0.1:{await serve(echo)}",
        secret="hunter2",
        quiet_ms=100,
        dialogue=[
            "expect ^220 ",
            r"send XYZZY \{secret}\r\n",
            "expect ^250 ",
            r"send NOOP\r\n",
            "expect ^999 ",
        ],
    )
    assert (result.outcome, result.reason) == (Outcome.FAILED, "banner")
    assert result.readings["dialogue"] == [
        {"heard": r"220 \x1b[31mready\x0d\x0a"},
        {"said": rf"XYZZY {MASK}\x0d\x0a"},
        {"heard": rf"250 you said XYZZY {MASK}\x0d\x0a"},
        {"said": r"NOOP\x0d\x0a"},
        {"heard": r"250 you said NOOP\x0d\x0a"},
    ]
    assert "hunter2" not in str(result)
    told = told_of(result)
    assert told["dialogue"][:3] == (
        r"< 220 \x1b[31mready",
        f"> XYZZY {MASK}",
        f"< 250 you said XYZZY {MASK}",
    )
    assert "heard" not in told
    assert "then" not in told


async def test_a_failure_does_not_tell_the_secret_that_is_repeated(serve, ask):
    target = f"127.0.0.1:{await serve(echo)}"
    how = {"send": r"\{secret}\n", "secret": "hunter2", "quiet_ms": 100}
    result = await ask("tcp", target, expect="^bye", **how)
    assert f"250 you said {MASK}" in result.detail
    assert "hunter2" not in str(result)


async def test_what_is_only_heard_is_the_banner(serve, ask):
    target = f"127.0.0.1:{await serve(echo)}"
    result = await ask("tcp", target, expect="^220 ")
    assert "dialogue" not in result.readings


async def test_the_change_to_tls_is_part_of_the_dialogue(serve, ask, server_tls):
    async def starttls(reader, writer):
        await reader.readline()
        writer.write(b"250 go\r\n")
        await writer.start_tls(server_tls)
        writer.write(b"250 again\r\n")
        await reader.read()

    result = await ask(
        "tcp",
        f"127.0.0.1:{await serve(starttls)}",
        verify=False,
        dialogue=[r"send STARTTLS\r\n", "expect ^250 go", "starttls", "expect again"],
    )
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    told = told_of(result)
    assert told["dialogue"] == (
        "> STARTTLS",
        "< 250 go",
        "-- TLSv1.3 --",
        "< 250 again",
    )


def test_the_secret_is_one_and_must_be_given():
    assert secret_names(TcpOptions) == {"secret"}
    for options in ({"send": r"\{secret}"}, {"dialogue": [r"send \{secret}"]}):
        with pytest.raises(UsageError, match="no secret is given"):
            make_probe("tcp", "host:1", options)
    make_probe("tcp", "host:1", {"send": r"\{secret}", "secret": "x"})
    with pytest.raises(UsageError, match="no secret"):
        make_probe("udp", "host:1", {"send": r"\{secret}"})
